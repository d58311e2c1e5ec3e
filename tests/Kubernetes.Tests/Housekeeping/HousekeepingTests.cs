using System.Text.Json;
using SessionOperator.Kubernetes.Tests.Replicas;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Kubernetes;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Housekeeping;

/// <summary>Whole replicas against a real API server.</summary>
public class HousekeepingTests(ApiServer server)
{
    private static readonly KubernetesTimings s_timings = new(TimeSpan.FromSeconds(10))
    {
        Housekeeping = new LeaseTimings { Duration = TimeSpan.FromSeconds(3), Held = TimeSpan.FromSeconds(2), Retry = TimeSpan.FromMilliseconds(200) },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_transition_is_one_event_whichever_replica_decided_it_and_whoever_leads()
    {
        var space = await server.NamespaceAsync("events");
        await Databases.Create(server, space, new { });
        await using var left = await Replica.Start(server, "operator-1", space, s_timings);
        await using var right = await Replica.Start(server, "operator-2", space, s_timings);
        await ApiServer.Until(async () => await Leaders(left, right) == 1, "one leads");
        var leader = await Leads(left) ? left : right;
        var other = leader == left ? right : left;
        // The one that does not lead decides.
        await using var sidecar = await Sidecar.Join(other.Grpc, $"{space}/orders-db", "web-1");
        await sidecar.Probe(Verdict.Writable);
        await Until(space, "Normal");
        await leader.DisposeAsync();
        // Whatever is decided while nobody leads is told all the same.
        await sidecar.Probe(Verdict.Unreachable);
        await sidecar.Probe(Verdict.Unreachable);
        await Until(space, "Normal", "Unwritable");
        await ApiServer.Until(() => Leads(other), "the other one leads");
        var unwritable = (await Events(space)).Single(one => one.GetProperty("reason").GetString() == "Unwritable");
        Assert.Equal("Warning", unwritable.GetProperty("type").GetString());
        Assert.Equal("orders-db", unwritable.GetProperty("involvedObject").GetProperty("name").GetString());
        Assert.Contains("(epoch 2)", unwritable.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    private static async Task<bool> Leads(Replica replica) =>
        (await replica.Get("/metrics")).Contains("\nsession_operator_leader 1\n", StringComparison.Ordinal);

    private static async Task<int> Leaders(params Replica[] replicas) => (await Task.WhenAll(replicas.Select(Leads))).Count(leads => leads);

    private Task Until(string space, params string[] reasons) => ApiServer.Until(
        async () => (await Events(space)).Select(one => one.GetProperty("reason").GetString()).Order().SequenceEqual(reasons.Order()),
        $"the events are exactly {string.Join(", ", reasons)}");

    private async Task<List<JsonElement>> Events(string space) =>
        [.. (await server.Calls.GetAsync<JsonElement>($"api/v1/namespaces/{space}/events", Cancellation)).GetProperty("items").EnumerateArray()];
}
