using System.Diagnostics;
using System.Globalization;
using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Identity;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Protocol.Fleet;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>
/// The API server is away for a while: longer than a decision holds without being renewed. SESSION_OPERATOR_TEST_GAP says
/// for how many seconds.
/// </summary>
public class WithoutApiServerTests
{
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_gap = TimeSpan.FromSeconds(
        int.Parse(Environment.GetEnvironmentVariable("SESSION_OPERATOR_TEST_GAP") ?? "12", CultureInfo.InvariantCulture));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Modes_stay_sidecars_rescue_alone_and_afterwards_only_what_is_due_happens()
    {
        await using var server = new ApiServer();
        await server.InitializeAsync();
        var space = await server.NamespaceAsync("gap");
        await CreatePod(server, space);
        // With the dwell as it is by default: it hears out failed probes that the other replica passes on late.
        var recovery = new { successes = 2 };
        await Databases.Create(server, space, new { pods = new { selector = "app=orders-db" }, recovery });
        await Databases.Create(server, space, new { recovery }, "shop-db");
        var timings = new KubernetesTimings(s_lease);
        await using var left = await Replica.Start(server, "operator-1", space, timings);
        await using var right = await Replica.Start(server, "operator-2", space, timings);
        await using var orders = new Pair(left, right, $"{space}/orders-db", "web");
        await using var shop = new Pair(left, right, $"{space}/shop-db", "shop");
        await using var rescuing = new PublishedSidecar();
        rescuing.Start(right.Grpc.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), $"{space}/orders-db", "web-3");
        await ApiServer.Until(rescuing.IsConnectedAsync, () => $"the sidecar is connected: {rescuing.Log}");
        await Turn(() => orders.All(Phase.Writable, 1) && shop.All(Phase.Writable, 1), "both can be written", orders.Up, shop.Up);
        await Turn(() => shop.All(Phase.Unwritable, 2), "one can be written no more", orders.Up, shop.Down);

        // It takes its time to stop, and to start.
        var stopping = server.StopAsync();
        await Turn(() => stopping.IsCompleted, "it has stopped", orders.Up, shop.Down);
        await stopping;
        var gap = Stopwatch.StartNew();
        await Turn(() => gap.Elapsed > s_gap / 3, "time passes", orders.Up, shop.Down);
        await rescuing.SaveFailedAsync();
        await ApiServer.Until(async () => IsAlone(await rescuing.StatusAsync()), () => $"the sidecar is in a fallback of its own: {rescuing.Log}");
        // The database it shares with the others is down in truth; nobody can write that down. No app has described itself to
        // this sidecar, so that it cannot probe: what keeps it in its fallback are the saves that go on failing.
        await Turn(() => gap.Elapsed > s_gap, "time passes", orders.Down, shop.Down, rescuing.SaveFailedAsync);
        foreach (var sidecar in orders.Sidecars.Concat(shop.Sidecars))
        {
            Assert.Equal("", sidecar.Ended);
        }
        Assert.True(orders.All(Phase.Writable, 1) && shop.All(Phase.Unwritable, 2), $"{orders} {shop}");
        // They are renewed all the time.
        Assert.True(orders.Renewed < s_lease && shop.Renewed < s_lease, $"renewed {orders.Renewed} and {shop.Renewed} ago");
        Assert.True(IsAlone(await rescuing.StatusAsync()));
        Assert.Equal(("alive", "alive"), (await left.Get("/healthz"), await right.Get("/healthz")));

        var starting = server.StartAsync();
        await Turn(() => starting.IsCompleted, "it has started", orders.Down, shop.Down, rescuing.SaveFailedAsync);
        await starting;
        await Turn(() => orders.All(Phase.Unwritable, 2), "what is due happens", orders.Down, shop.Down, rescuing.SaveFailedAsync);
        await ApiServer.Until(async () => IsTold(await rescuing.StatusAsync(), "Cache", 2), () => $"the sidecar is told the fleet's fallback: {rescuing.Log}");
        // Watches list anew and replicas hear of each other again: nothing comes of it.
        var back = Stopwatch.StartNew();
        await Turn(() => back.Elapsed > TimeSpan.FromSeconds(4), "time passes", orders.Down, shop.Down);
        Assert.True(orders.All(Phase.Unwritable, 2) && shop.All(Phase.Unwritable, 2), $"{orders} {shop}");
        // A failed probe that the other replica passes on late may hold it up once more, within the fallback.
        await Turn(() => orders.AreNormal && shop.AreNormal, "both can be written again", orders.Up, shop.Up);
        var epoch = (await Databases.Read(server, space)).Status!.Epoch!.Value;
        await ApiServer.Until(async () => IsTold(await rescuing.StatusAsync(), "Normal", epoch), () => $"so the sidecar is told: {rescuing.Log}");
        orders.CheckHistories();
        shop.CheckHistories();
        TestContext.Current.TestOutputHelper!.WriteLine($"the API server was away for {s_gap.TotalSeconds} s");
    }

    private static bool IsAlone(System.Text.Json.JsonElement status) =>
        status.GetProperty("autonomous").GetBoolean() && status.GetProperty("mode").GetString() != "Normal";

    private static bool IsTold(System.Text.Json.JsonElement status, string mode, ulong epoch) =>
        !status.GetProperty("autonomous").GetBoolean() && status.GetProperty("epoch").GetUInt64() == epoch && status.GetProperty("phase").GetString() is "Unwritable" or "Writable"
        && (status.GetProperty("mode").GetString() == mode || (mode == "Cache" && status.GetProperty("limit").GetString() is { Length: > 0 }));

    private static async Task Turn(Func<bool> holds, string what, params Func<Task>[] probes) => await ApiServer.Until(
        async () =>
        {
            await Task.WhenAll(probes.Select(probe => probe()));
            await Task.Delay(100, Cancellation);
            return holds();
        },
        what, 90 + (int)s_gap.TotalSeconds);

    private static async Task CreatePod(ApiServer server, string space)
    {
        await server.Client.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = "orders-db-0", Labels = new Dictionary<string, string> { ["app"] = "orders-db" } },
                Spec = new V1PodSpec { NodeName = "node-1", AutomountServiceAccountToken = false, ServiceAccountName = "default", Containers = [new V1Container { Name = "db", Image = "postgres" }] },
            }, space, cancellationToken: Cancellation);
        await server.Client.PatchNamespacedPodStatusAsync(
            new V1Patch("""{"status":{"conditions":[{"type":"Ready","status":"True"}]}}""", V1Patch.PatchType.MergePatch), "orders-db-0", space, cancellationToken: Cancellation);
    }

    /// <summary>A database's sidecars, one at each replica; they ack what they are told and have nothing to replay.</summary>
    private sealed class Pair(Replica left, Replica right, string database, string name) : IAsyncDisposable
    {
        private readonly Task<Sidecar[]> _joined = Task.WhenAll(
            Sidecar.Join(left.Grpc, database, $"{name}-1"), Sidecar.Join(right.Grpc, database, $"{name}-2"));

        public Sidecar[] Sidecars => _joined.IsCompletedSuccessfully ? _joined.Result : [];

        /// <summary>How long ago the one that has waited longest was told something.</summary>
        public TimeSpan Renewed => Sidecars.Max(sidecar => sidecar.Silence);

        public Task Up() => Each(Verdict.Writable);

        public Task Down() => Each(Verdict.Unreachable);

        public bool All(Phase phase, ulong epoch) =>
            Sidecars.Length == 2 && Sidecars.All(sidecar => sidecar.Newest is { } told && told.Phase == phase && told.Epoch == epoch);

        public bool AreNormal => Sidecars.All(sidecar => sidecar.Newest is { Phase: Phase.Writable, Mode: Mode.Normal });

        public void CheckHistories()
        {
            foreach (var told in Sidecars.Select(sidecar => sidecar.Told))
            {
                Assert.Equal(told.Select(decision => decision.Epoch).Order(), told.Select(decision => decision.Epoch));
                Assert.Equal(
                    [Mode.Normal, Mode.Cache, Mode.Drain, Mode.Normal],
                    told.Select(decision => decision.Mode).Where((mode, i) => i == 0 || mode != told[i - 1].Mode));
            }
        }

        public override string ToString() => string.Join(' ', Sidecars.Select(sidecar => $"{sidecar.Newest}"));

        public async ValueTask DisposeAsync()
        {
            foreach (var sidecar in await _joined)
            {
                await sidecar.DisposeAsync();
            }
        }

        private async Task Each(Verdict verdict)
        {
            foreach (var sidecar in await _joined)
            {
                await sidecar.Probe(verdict);
                if (sidecar.Newest is { } told)
                {
                    await sidecar.Ack(told.Epoch);
                }
                await sidecar.Unsaved(0);
            }
        }
    }
}
