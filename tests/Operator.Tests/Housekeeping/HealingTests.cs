using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Conditions;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Tests.Injection;
using SessionOperator.Operator.Tests.Workloads;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Operator.Tests.Housekeeping;

public class HealingTests
{
    private const string Asks = """{"sessionoperator.dev/database": "orders-db"}""";
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_pod_that_asks_for_the_sidecar_and_has_none_is_found_with_its_workload()
    {
        Assert.Equal(new BarePod("shop", "web-1", "orders-db", "Deployment shop/web", null), Pod(Asks));
        Assert.Equal("StatefulSet shop/web", Pod(Asks, owner: """{"kind": "StatefulSet", "name": "web", "controller": true}""")!.Workload);
        Assert.Null(Pod(Asks, owner: """{"kind": "Job", "name": "web", "controller": true}""")!.Workload);
        Assert.Equal("orders-db", Pod("{}", namespaceDatabase: "orders-db")!.Database);
        Assert.Equal("orders-db", Pod("""{"sessionoperator.dev/database": "shop/orders-db"}""")!.Database);
    }

    [Fact]
    public void Pods_that_are_as_they_should_be_are_not()
    {
        Assert.Null(Pod("{}"));
        Assert.Null(Pod(Asks, container: "session-operator"));
        Assert.Null(Pod(Asks, phase: "Succeeded"));
        Assert.Null(Pod(Asks, more: """ "deletionTimestamp": "2030-01-01T12:00:00Z", """));
        Assert.Null(Pod("""{"sessionoperator.dev/inject": "false"}""", namespaceDatabase: "orders-db"));
    }

    [Fact]
    public void One_that_would_be_refused_again_says_why_and_is_not_healed()
    {
        var refused = Pod("""{"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/containers": "api"}""")!;
        Assert.Contains("the pod has web", refused.Refusal, StringComparison.Ordinal);
        Assert.Null(Healing.Next([refused], _ => RemarksTests.Read("{}", Asks), s_now));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("2030-01-01T11:00:00Z", true)]
    [InlineData("2030-01-01T11:00:01Z", false)]
    public void The_same_workload_is_rolled_out_at_most_once_an_hour(string? before, bool heals) =>
        Assert.Equal(heals, Healing.Next([Pod(Asks)!], _ => Healed(before), s_now) is not null);

    [Theory]
    [InlineData("2030-01-01T11:50:01Z", false)]
    [InlineData("2030-01-01T11:50:00Z", true)]
    public void While_one_is_rolled_out_the_others_wait(string first, bool next)
    {
        var bare = new[] { Pod(Asks)! with { Workload = "a" }, Pod(Asks)! with { Workload = "b" } };
        var chosen = Healing.Next(bare, key => key == "a" ? Healed(first) : Healed(null), s_now);
        Assert.Equal(next, chosen is not null);
        Assert.True(chosen is null || chosen.Template[Annotations.Database] == "orders-db");
    }

    [Fact]
    public void When_it_was_healed_is_read_as_it_is_written() =>
        Assert.Null(Healing.Next([Pod(Asks)!], _ => Healed(Healing.Write(s_now)), s_now.AddMinutes(59)));

    [Fact]
    public void The_condition_names_workloads_and_what_to_do()
    {
        Assert.Equal("Unknown", Condition(null).Status);
        Assert.Equal("True", Condition([]).Status);
        var missed = Condition([Pod(Asks)!, Pod(Asks)! with { Name = "web-2" }]);
        Assert.Equal(("False", "NotInjected"), (missed.Status, missed.Reason));
        Assert.Contains("Deployment shop/web,", missed.Message, StringComparison.Ordinal);
        Assert.Contains("injection.heal", missed.Message, StringComparison.Ordinal);
        var refused = Condition([Pod(Asks)!, Pod(Asks)! with { Refusal = "give it another name" }]);
        Assert.Equal(("False", "Refused"), (refused.Status, refused.Reason));
        Assert.Contains("give it another name", refused.Message, StringComparison.Ordinal);
    }

    private static Condition Condition(IReadOnlyList<BarePod>? bare) =>
        Judgement.Of(new SessionDatabase(), null, s_now, bare).Single(condition => condition.Type == "Injected");

    private static Workload Healed(string? at) =>
        RemarksTests.Read("{}", at is null ? Asks : $$"""{"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/healed-at": "{{at}}"}""");

    private static BarePod? Pod(
        string annotations, string owner = """{"kind": "ReplicaSet", "name": "web-5f7", "controller": true}""", string container = "web",
        string phase = "Running", string more = "", string? namespaceDatabase = null)
    {
        using var json = JsonDocument.Parse($$$"""
            {"metadata": {"name": "web-1", "namespace": "shop", {{{more}}} "labels": {"pod-template-hash": "5f7"}, "annotations": {{{annotations}}}, "ownerReferences": [{{{owner}}}]},
             "spec": {"serviceAccountName": "default", "containers": [{"name": "{{{container}}}", "image": "shop:1"}]}, "status": {"phase": "{{{phase}}}"}}
            """);
        return BarePod.Read(json.RootElement, Make.Around(namespaceDatabase: namespaceDatabase), Make.Settings);
    }
}
