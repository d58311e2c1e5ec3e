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

    /// <summary>After a start the operator has this much time to come to rest, as one that has idled for weeks has.</summary>
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(3);

    /// <param name="cluster">Where.</param>
    /// <param name="sidecars">How many.</param>
    /// <param name="rounds">Of each kind, with replicas that have decided before.</param>
    /// <param name="starts">Of each kind, each the first decision of replicas that were just started.</param>
    /// <param name="ready">Is given how long each start took until both replicas were ready.</param>
    /// <param name="folder">For files of this run.</param>
    public static async Task<IReadOnlyList<Course>> MeasureAsync(Cluster cluster, int sidecars, int rounds, int starts, Samples ready, string folder)
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
            await using var onlooker = new Onlooker(cluster);
            (string What, Func<Task> BreakIt, Func<Task> MendIt)[] kinds =
            [
                ("pod NotReady", () => cluster.SetReadyAsync(false), cluster.ReplaceAsync),
                ("role label lost", () => cluster.SetRoleAsync(null), () => cluster.SetRoleAsync("primary")),
                ("pod Terminating", () => cluster.DeleteAsync(30), cluster.ReplaceAsync),
            ];
            var courses = new List<Course>();
            foreach (var (start, times) in new[] { (true, starts), (false, rounds) })
            {
                foreach (var (what, breakIt, mendIt) in kinds)
                {
                    var course = new Course(start ? $"first, {what}" : what);
                    for (var round = 0; round < times; round++)
                    {
                        if (start)
                        {
                            var from = Stopwatch.GetTimestamp();
                            replicas.ForEach(replica => replica.Restart());
                            fleet.Forget();
                            await Task.WhenAll(replicas.Select(replica => replica.ReadyAsync()));
                            ready.Add(from, Stopwatch.GetTimestamp());
                            await Task.Delay(s_rest);
                        }
                        await RoundAsync(cluster, fleet, () => course.MeasureAsync(onlooker, fleet, breakIt), mendIt);
                    }
                    courses.Add(course);
                    Report.Rows(course.All);
                }
                if (start)
                {
                    Report.Rows(ready);
                }
            }
            return courses;
        }
        finally
        {
            replicas.ForEach(replica => replica.Dispose());
        }
    }

    private static async Task RoundAsync(Cluster cluster, FleetProcess fleet, Func<Task> measure, Func<Task> mendIt)
    {
        // Probes have to say that it can be written, or nothing would be left to announce.
        fleet.Database(Another());
        await fleet.AllAsync(Mode.Normal, s_patience);
        await UntilWritableAsync(cluster);
        // What is measured is Kubernetes' word alone: a probe would refute it, or come to the same by itself.
        fleet.Database(FleetProcess.Silent);
        await Task.Delay(s_pipe);
        await measure();
        fleet.Database("");
        await mendIt();
        fleet.Database(Another());
        await fleet.AllAsync(Mode.Normal, s_patience);
    }

    private static string Another() => string.Create(CultureInfo.InvariantCulture, $"server-{Stopwatch.GetTimestamp()}");

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
