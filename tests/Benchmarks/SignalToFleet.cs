using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using k8s;

namespace SessionOperator.Benchmarks;

/// <summary>
/// From a write to the API server that says the database is going, until sidecars of two replicas have the new mode: watch,
/// signal, decision, compare-and-swap in etcd, the other replica's watch, streams.
/// </summary>
internal static class SignalToFleet
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>More than the fleet's process takes to hear an order.</summary>
    private static readonly TimeSpan s_pipe = TimeSpan.FromMilliseconds(100);

    public static async Task<IReadOnlyList<Samples>> MeasureAsync(Cluster cluster, int sidecars, int rounds, string folder)
    {
        await CreateDatabaseAsync(cluster, folder);
        var replicas = Enumerable.Range(0, 2).Select(number => Replica.Start(cluster, folder, number)).ToList();
        try
        {
            await Task.WhenAll(replicas.Select(replica => replica.ReadyAsync()));
            var authorities = Path.Combine(folder, "operator-ca.pem");
            var secret = await cluster.Client.CoreV1.ReadNamespacedSecretAsync(Replica.Secret, Cluster.Space);
            await File.WriteAllBytesAsync(authorities, secret.Data["ca.crt"]);
            var tokens = await cluster.TokensAsync(sidecars);
            using var fleet = FleetProcess.Start(
                new FleetTarget(authorities, Replica.Host, $"{Cluster.Space}/orders-db"), [.. replicas.Select(r => r.Address)], tokens, folder);
            await fleet.AllAsync(Mode.Normal, s_patience);
            return
            [
                .. await RoundsAsync(cluster, fleet, rounds, "pod NotReady", () => cluster.SetReadyAsync(false), cluster.ReplaceAsync),
                .. await RoundsAsync(cluster, fleet, rounds, "role label lost", () => cluster.SetRoleAsync(null), () => cluster.SetRoleAsync("primary")),
                .. await RoundsAsync(cluster, fleet, rounds, "pod Terminating", () => cluster.DeleteAsync(30), cluster.ReplaceAsync),
            ];
        }
        finally
        {
            replicas.ForEach(replica => replica.Dispose());
        }
    }

    private static async Task<Samples[]> RoundsAsync(
        Cluster cluster, FleetProcess fleet, int rounds, string what, Func<Task> breakIt, Func<Task> mendIt)
    {
        Samples each = new($"{what}, each sidecar"), last = new($"{what}, the last sidecar");
        for (var round = 0; round < rounds; round++)
        {
            // Probes have to say that it can be written, or nothing would be left to announce.
            fleet.Database(string.Create(CultureInfo.InvariantCulture, $"server-{Stopwatch.GetTimestamp()}"));
            await fleet.AllAsync(Mode.Normal, s_patience);
            await UntilWritableAsync(cluster);
            // What is measured is Kubernetes' word alone: a probe would refute it, or come to the same by itself.
            fleet.Database(FleetProcess.Silent);
            await Task.Delay(s_pipe);
            var from = Stopwatch.GetTimestamp();
            await breakIt();
            var heard = await fleet.AllAsync(Mode.Cache, s_patience);
            foreach (var one in heard)
            {
                each.Add(from, one.At);
            }
            last.Add(from, heard.Max(one => one.At));
            fleet.Database("");
            await mendIt();
        }
        fleet.Database(string.Create(CultureInfo.InvariantCulture, $"server-{Stopwatch.GetTimestamp()}"));
        await fleet.AllAsync(Mode.Normal, s_patience);
        return [each, last];
    }

    private static async Task UntilWritableAsync(Cluster cluster)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(50))
        {
            var database = JsonSerializer.SerializeToElement(await cluster.Client.CustomObjects.GetNamespacedCustomObjectAsync(
                "sessionoperator.dev", "v1alpha1", Cluster.Space, "sessiondatabases", "orders-db"));
            if (database.TryGetProperty("status", out var status) && status.TryGetProperty("phase", out var phase) && phase.GetString() == "Writable")
            {
                return;
            }
            if (clock.Elapsed > s_patience)
            {
                throw new TimeoutException($"the database never became Writable: {database}");
            }
        }
    }

    private static async Task CreateDatabaseAsync(Cluster cluster, string folder)
    {
        var definition = Path.Combine(Cluster.Root(), "charts/session-operator/generated/sessiondatabases.yaml");
        await cluster.Client.ApiextensionsV1.CreateCustomResourceDefinitionAsync(
            await KubernetesYaml.LoadFromFileAsync<k8s.Models.V1CustomResourceDefinition>(definition));
        var database = JsonSerializer.Deserialize<JsonElement>($$"""
            {"apiVersion": "sessionoperator.dev/v1alpha1", "kind": "SessionDatabase", "metadata": {"name": "orders-db", "namespace": "{{Cluster.Space}}"},
             "spec": {"pods": {"selector": "app=orders-db", "primarySelector": "role=primary"}, "fallback": "Cache",
              "recovery": {"successes": 1, "dwell": "0ms", "drainDeadline": "5s"} } }
            """);
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(100))
        {
            try
            {
                await cluster.Client.CustomObjects.CreateNamespacedCustomObjectAsync(database, "sessionoperator.dev", "v1alpha1", Cluster.Space, "sessiondatabases");
                return;
            }
            catch (k8s.Autorest.HttpOperationException soon) when (soon.Response.StatusCode == System.Net.HttpStatusCode.NotFound && clock.Elapsed < s_patience)
            {
                // The definition was accepted, and is not served yet.
            }
        }
    }
}
