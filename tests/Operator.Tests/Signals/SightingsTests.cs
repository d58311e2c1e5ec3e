using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Operator.Tests.Signals;

/// <summary>What Services, nodes, rollouts, database operators and users say.</summary>
public class SightingsTests
{
    private static readonly DatabaseView s_view = View.Of(View.Pod("o-1", "primary"), View.Pod("o-2", "replica"));
    private static readonly RequestView s_none = RequestView.None;

    [Fact]
    public void A_service_is_empty_when_all_its_slices_are()
    {
        DatabaseView Slices(int a, int b) => s_view with
        {
            Slices = s_view.Slices.Add("a", new SliceView("a", a)).Add("b", new SliceView("b", b)),
        };
        Assert.Empty(View.Seen(Slices(1, 1), Slices(0, 1)));
        Assert.Equal(["NoEndpoints:Suspect service/orders-rw has no ready endpoint any more"], View.Seen(Slices(0, 1), Slices(0, 0)));
        Assert.Empty(View.Seen(Slices(0, 0), Slices(0, 0)));
        Assert.Empty(View.Seen(s_view, Slices(0, 0)));
    }

    [Fact]
    public void A_node_that_is_to_be_emptied_arms_only_and_only_under_the_primary()
    {
        DatabaseView Node(string name, string leaving) => s_view with { Nodes = s_view.Nodes.SetItem(name, new NodeView(name, leaving)) };
        Assert.Equal(
            ["NodeLeaving:arms node/node-o-1 is cordoned; the database on it will have to go"],
            View.Seen(Node("node-o-1", ""), Node("node-o-1", "cordoned")));
        Assert.Empty(View.Seen(Node("node-o-2", ""), Node("node-o-2", "cordoned")));
        Assert.Empty(View.Seen(Node("node-o-1", "cordoned"), Node("node-o-1", "cordoned")));
        Assert.Empty(View.Seen(s_view, Node("node-o-1", "cordoned")));
    }

    [Fact]
    public void A_rollout_arms_only()
    {
        DatabaseView Set(string update) => s_view with { StatefulSet = new StatefulSetView("orders", "1", update) };
        Assert.Equal(
            ["Rollout:arms statefulset/orders has begun a rollout; its pods will be replaced one after the other"], View.Seen(Set("1"), Set("2")));
        Assert.Empty(View.Seen(Set("2"), Set("2")));
    }

    [Fact]
    public void What_a_database_operator_announces_holds_as_long_as_its_rule_says_and_is_withdrawn()
    {
        DatabaseView Cluster(ulong rules) => s_view with { Resources = s_view.Resources.SetItem(0, new ResourceView("clusters/orders", rules)) };
        var seen = Assert.Single(Sightings.Between(Cluster(0), Cluster(1), View.Cnpg, View.Now));
        Assert.Equal("Announced:Announced clusters/orders is moving its primary", View.Words(seen));
        Assert.Equal((View.Now.AddSeconds(60), false), (seen.Signal!.Expires, seen.Signal.Holds));
        var over = Assert.Single(Sightings.Between(Cluster(1), Cluster(0), View.Cnpg, View.Now));
        Assert.Equal((SignalKind.Withdrawn, seen.Signal.Reporter), (over.Signal!.Kind, over.Signal.Reporter));
        Assert.Equal(2, View.Seen(Cluster(1), Cluster(6)).Length - 1);
        // What has been so since before anybody looked, and may be so for days, announces nothing.
        Assert.Empty(View.Seen(s_view, Cluster(1)));
    }

    [Fact]
    public void A_maintenance_holds_until_its_end_also_when_the_operator_starts_in_it()
    {
        var until = View.Now.AddHours(1);
        foreach (var before in new[] { null, s_none })
        {
            var seen = Assert.Single(Sightings.Requests("orders", before, new RequestView(until, "new disks", ""), View.Now));
            Assert.Equal("Maintenance:Announced sessiondatabase/orders is in maintenance until 2026-01-01T13:00:00Z: new disks", View.Words(seen));
            Assert.Equal((until, true), (seen.Signal!.Expires, seen.Signal.Holds));
        }
        Assert.Empty(Sightings.Requests("orders", new RequestView(until, "", ""), new RequestView(until, "", ""), View.Now));
        Assert.Equal(SightingKind.MaintenanceOver, Sightings.Requests("orders", new RequestView(until, "", ""), s_none, View.Now).Single().Kind);
        Assert.Empty(Sightings.Requests("orders", null, new RequestView(View.Now.AddSeconds(-1), "", ""), View.Now));
    }

    [Fact]
    public void A_drill_is_held_once_for_as_long_as_it_was_asked_for()
    {
        var asked = new RequestView(null, "", "30s");
        var seen = Assert.Single(Sightings.Requests("orders", s_none, asked, View.Now));
        Assert.Equal("Drill:Announced sessiondatabase/orders asked for a drill of 30s", View.Words(seen));
        Assert.Equal((View.Now.AddSeconds(30), true), (seen.Signal!.Expires, seen.Signal.Holds));
        Assert.Empty(Sightings.Requests("orders", asked, asked, View.Now));
        Assert.Empty(Sightings.Requests("orders", null, asked, View.Now));
        Assert.Equal(SignalKind.Withdrawn, Sightings.Requests("orders", asked, s_none, View.Now).Single().Signal!.Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("yes")]
    [InlineData("0s")]
    [InlineData("11m")]
    [InlineData("30")]
    public void What_is_no_time_drills_nothing(string text)
    {
        Assert.False(Sightings.TryReadDrill(text, out _));
        Assert.Empty(Sightings.Requests("orders", s_none, new RequestView(null, "", text), View.Now));
    }

    [Fact]
    public void A_pod_is_read_as_kubelet_and_patroni_write_it()
    {
        var pod = PodView.Read(View.Json("""
            {"metadata":{"labels":{"role":"primary","other":"x","controller-revision-hash":"orders-7d"},"deletionTimestamp":"2026-01-01T12:00:30Z",
              "annotations":{"status":"{\"state\":\"crashed\"}"}},
             "spec":{"nodeName":"n1"},
             "status":{"conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"True"}],
              "containerStatuses":[
                {"name":"metrics","restartCount":9,"state":{"waiting":{}}},
                {"name":"postgres","restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"reason":"OOMKilled","exitCode":137}}}]}}
            """), View.Meta("o-1"), new PodFields("role", "postgres", new PodReport("status", "state", ["running"])));
        Assert.Equal(
            ("uid-o-1", "primary", true, ContainerState.Running, 2L, "OOMKilled, exit code 137", View.Now.AddSeconds(30), "n1", "orders-7d", "crashed"),
            (pod.Uid, pod.Labels.Single().Value, pod.Ready, pod.Container, pod.Restarts, pod.LastExit, pod.Deleting, pod.Node, pod.Revision, pod.Unwell));
    }

    [Theory]
    [InlineData("""{"status":{"containerStatuses":[{"name":"postgres","state":{"terminated":{"reason":"Error","exitCode":1}}}]}}""", ContainerState.Down)]
    [InlineData("""{"status":{"containerStatuses":[{"name":"postgres","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}""", ContainerState.Down)]
    [InlineData("""{"status":{"containerStatuses":[{"name":"postgres"}]}}""", ContainerState.Unknown)]
    [InlineData("""{"status":{"conditions":"?","containerStatuses":{}},"metadata":7,"spec":[]}""", ContainerState.Unknown)]
    [InlineData("""{}""", ContainerState.Unknown)]
    public void A_pod_of_any_shape_is_read(string source, ContainerState state) =>
        Assert.Equal((state, false), (PodView.Read(View.Json(source), View.Meta("o-1"), new PodFields("role", "postgres", null)) is var pod ? pod.Container : default, pod.Ready));

    [Fact]
    public void Slices_nodes_and_sets_are_read()
    {
        Assert.Equal(2, SliceView.Read(View.Json("""{"endpoints":[{"conditions":{"ready":true}},{"conditions":{"ready":false}},{}]}"""), View.Meta("s")).Ready);
        Assert.Equal("cordoned", NodeView.Read(View.Json("""{"spec":{"unschedulable":true}}"""), View.Meta("n")).Leaving);
        Assert.Equal("tainted karpenter.sh/disrupted", NodeView.Read(View.Json("""{"spec":{"taints":[{"key":"x"},{"key":"karpenter.sh/disrupted"}]}}"""), View.Meta("n")).Leaving);
        Assert.Equal("", NodeView.Read(View.Json("""{"spec":{"taints":[{"key":"node.kubernetes.io/not-ready"}]}}"""), View.Meta("n")).Leaving);
        Assert.True(StatefulSetView.Read(View.Json("""{"status":{"currentRevision":"a","updateRevision":"b"}}"""), View.Meta("s")).IsRolling);
        Assert.False(StatefulSetView.Read(View.Json("""{"status":{}}"""), View.Meta("s")).IsRolling);
    }
}
