using System.Text.Json;
using k8s;
using k8s.Models;
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
        await Told(space, "Normal");
        await leader.DisposeAsync();
        // Whatever is decided while nobody leads is told all the same.
        await sidecar.Probe(Verdict.Unreachable);
        await sidecar.Probe(Verdict.Unreachable);
        await Told(space, "Normal", "Unwritable");
        await ApiServer.Until(() => Leads(other), "the other one leads");
        var unwritable = (await Events(space)).Single(one => one.GetProperty("reason").GetString() == "Unwritable");
        Assert.Equal("Warning", unwritable.GetProperty("type").GetString());
        Assert.Equal("orders-db", unwritable.GetProperty("involvedObject").GetProperty("name").GetString());
        Assert.Contains("(epoch 2)", unwritable.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Conditions_say_what_is_right_and_wrong_and_which_spec_was_judged()
    {
        var space = await server.NamespaceAsync("conditions");
        await Databases.Create(server, space, new { pods = new { selector = "app=orders" } });
        await using var replica = await Replica.Start(server, "operator-1", space, s_timings);
        await Until(space, "PodsFound", "False", "NoneMatch", 1);
        await Until(space, "Ready", "Unknown", "Unknown", 1);
        await server.Client.CoreV1.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = "orders-0", Labels = new Dictionary<string, string> { ["app"] = "orders" } },
                Spec = new V1PodSpec { Containers = [new V1Container { Name = "db", Image = "db" }] },
            }, space, cancellationToken: Cancellation);
        await Until(space, "PodsFound", "True", "Found", 1);
        await using var sidecar = await Sidecar.Join(replica.Grpc, $"{space}/orders-db", "web-1");
        await sidecar.Probe(Verdict.Writable);
        await Until(space, "Ready", "True", "Writable", 1);
        var before = (await Databases.Read(server, space)).Status!;
        // The spec changes, and what cannot be read is said.
        await server.Calls.MergeAsync<SessionDatabase>(Databases.PathOf(space), new { spec = new { pods = new { selector = "app in" } } }, Cancellation);
        await Until(space, "PodsFound", "False", "NoSelector", 2);
        await Until(space, "Ready", "True", "Writable", 2);
        var after = (await Databases.Read(server, space)).Status!;
        Assert.Equal(
            before.Conditions!.Single(one => one.Type == "Ready").LastTransitionTime, after.Conditions!.Single(one => one.Type == "Ready").LastTransitionTime);
        // Nothing of the decision was touched.
        Assert.Equal((before.Epoch, before.Since, before.Basis), (after.Epoch, after.Since, after.Basis));
        await ApiServer.Until(
            async () => (await Events(space)).Any(one => one.GetProperty("reason").GetString() == "NoSelector"), "it is told as an event");
    }

    private Task Until(string space, string type, string status, string reason, long generation) => ApiServer.Until(
        async () => (await Databases.Read(server, space)).Status?.Conditions?.Any(
            one => one.Type == type && one.Status == status && one.Reason == reason && one.ObservedGeneration == generation) == true,
        $"{type} is {status} because of {reason}, judged for generation {generation}");

    private static async Task<bool> Leads(Replica replica) =>
        (await replica.Get("/metrics")).Contains("\nsession_operator_leader 1\n", StringComparison.Ordinal);

    private static async Task<int> Leaders(params Replica[] replicas) => (await Task.WhenAll(replicas.Select(Leads))).Count(leads => leads);

    private Task Told(string space, params string[] reasons) => ApiServer.Until(
        async () => (await Events(space)).Select(one => one.GetProperty("reason").GetString()).Where(reason => reason is "Normal" or "Unwritable").Order().SequenceEqual(reasons.Order()),
        $"the transitions told are exactly {string.Join(", ", reasons)}");

    private async Task<List<JsonElement>> Events(string space) =>
        [.. (await server.Calls.GetAsync<JsonElement>($"api/v1/namespaces/{space}/events", Cancellation)).GetProperty("items").EnumerateArray()];
}
