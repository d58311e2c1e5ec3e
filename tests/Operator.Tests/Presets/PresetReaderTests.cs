using System.Text.Json;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Tests.Presets;

public class PresetReaderTests
{
    private const string Good = """
        summary: somebody
        pods: app={cluster}
        primary: ["role=primary"]
        resources:
          - group: example.org
            version: v1
            plural: clusters
            name: "{cluster}"
            announces:
              - { field: status.phase, in: [Moving], says: is moving, holds: 60s }

        """;

    private static readonly string[] s_names =
        ["bitnami-mysql", "bitnami-postgresql", "cloudnative-pg", "mariadb-operator", "patroni", "statefulset", "zalando"];

    [Fact]
    public void Every_file_can_be_read_and_names_a_preset_that_users_can_write()
    {
        Assert.Equal(s_names, PresetCatalog.All.Keys);
        Assert.All(PresetCatalog.All.Values, preset =>
        {
            var orders = preset.For("orders");
            Assert.DoesNotContain(Preset.Placeholder, $"{orders.Pods} {string.Join(' ', orders.Services)} {orders.StatefulSet}");
            Assert.Contains("orders", orders.Pods);
            Assert.NotEmpty(orders.Services);
            Assert.All(orders.Resources, resource => Assert.Contains("orders", resource.Name));
        });
    }

    [Theory]
    [InlineData("summary: somebody\n", "", "p.yaml, line 1: summary is missing; write who runs such databases")]
    [InlineData("pods: app={cluster}", "pods: app=db", "p.yaml, line 2: pods does not name the cluster; write {cluster} where its name belongs")]
    [InlineData("pods: app={cluster}", "pods: app in {cluster}", "p.yaml, line 2: pods is no selector (\"app in cluster\" has no label name); write a selector as kubectl -l takes it, such as app=orders-db,role in (primary,master),!backup")]
    [InlineData("primary:", "primaries:", "p.yaml, line 3: primaries is not a known field; known here are summary, pods, primary, container, services, statefulSet, report, resources")]
    [InlineData("[\"role=primary\"]", "role=primary", "p.yaml, line 3: primary is no list; write a list of selectors, such as [role=primary]")]
    [InlineData("group: example.org", "grup: example.org", "p.yaml, line 5: resources[0].grup is not a known field; known here are group, version, plural, name, announces")]
    [InlineData("field: status.phase, ", "", "p.yaml, line 10: resources[0].announces[0] asks 0 questions; write exactly one of differ, field, annotation and condition")]
    [InlineData("field: status.phase", "field: status.phase, annotation: a", "p.yaml, line 10: resources[0].announces[0] asks 2 questions; write exactly one of differ, field, annotation and condition")]
    [InlineData("field: status.phase, in: [Moving]", "differ: [status.a]", "p.yaml, line 10: resources[0].announces[0].differ does not name two fields; write [status.a, status.b]")]
    [InlineData("field: status.phase", "differ: [status.a, status.b]", "p.yaml, line 10: resources[0].announces[0].in means nothing beside differ; write it beside field or annotation")]
    [InlineData("field: status.phase, in: [Moving]", "condition: Ready", "p.yaml, line 10: resources[0].announces[0].status is missing; write \"True\", \"False\" or \"Unknown\", in quotes")]
    [InlineData(", holds: 60s", "", "p.yaml, line 10: resources[0].announces[0].holds is missing; write how long the event is waited for, such as 60s")]
    [InlineData("holds: 60s", "holds: 2h", "p.yaml, line 10: resources[0].announces[0].holds is \"2h\"; write a time from 5s to 30m, such as 500ms, 10s or 2m")]
    [InlineData("    announces:\n      - { field: status.phase, in: [Moving], says: is moving, holds: 60s }\n", "", "p.yaml, line 5: resources[0].announces is missing or empty; write at least one rule, or leave the resource out")]
    public void A_bad_file_is_refused_with_what_to_write(string good, string bad, string message)
    {
        Assert.Equal("role", PresetReader.Read("p.yaml", Good).RoleLabels.Single());
        Assert.Contains(good, Good);
        var refusal = Assert.Throws<ConfigException>(() => PresetReader.Read("p.yaml", Good.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Equal(message, refusal.Message);
    }

    [Theory]
    [InlineData("cloudnative-pg", """{"status":{"targetPrimary":"o-2","currentPrimary":"o-1"}}""", "is moving its primary")]
    [InlineData("cloudnative-pg", """{"status":{"targetPrimary":"pending","currentPrimary":"o-1"}}""", "is moving its primary")]
    [InlineData("cloudnative-pg", """{"status":{"targetPrimary":"o-1","currentPrimary":"o-1","phase":"Cluster in healthy state"}}""", "")]
    [InlineData("cloudnative-pg", """{"status":{"targetPrimary":"o-1"}}""", "")]
    [InlineData("cloudnative-pg", """{"status":{"phase":"Switchover in progress"}}""", "is restarting or moving its primary")]
    [InlineData("cloudnative-pg", """{"status":{"phase":"Primary instance is being restarted in-place"}}""", "is restarting or moving its primary")]
    [InlineData("cloudnative-pg", """{"status":{"currentPrimaryFailingSinceTimestamp":""}}""", "")]
    [InlineData("cloudnative-pg", """{"metadata":{"annotations":{"cnpg.io/hibernation":"on"}}}""", "is being hibernated")]
    [InlineData("cloudnative-pg", """{"metadata":{"annotations":{"cnpg.io/hibernation":"off"}}}""", "")]
    [InlineData("mariadb-operator", """{"status":{"conditions":[{"type":"PrimarySwitched","status":"False"}]}}""", "is moving its primary")]
    [InlineData("mariadb-operator", """{"status":{"conditions":[{"type":"PrimarySwitched","status":"True"},{"type":"Ready","status":"False","reason":"StatefulSetNotReady"}]}}""", "")]
    [InlineData("mariadb-operator", """{"status":{"conditions":[{"type":"Ready","status":"False","reason":"Maintenance"}]}}""", "is in maintenance")]
    [InlineData("patroni", """{"metadata":{"annotations":{"leader":"o-0","member":"o-1"}}}""", "has been asked to switch over; has been asked to fail over")]
    [InlineData("patroni", """{"metadata":{"annotations":{"leader":"o-0","scheduled_at":"2026-01-31T04:30:00Z"}}}""", "")]
    [InlineData("zalando", """{"metadata":{}}""", "")]
    [InlineData("zalando", """[]""", "")]
    public void Rules_are_true_of_the_states_that_announce(string preset, string source, string says)
    {
        using var parsed = JsonDocument.Parse(source);
        var rules = PresetCatalog.All[preset].Resources[0].Rules;
        Assert.Equal(says, string.Join("; ", rules.Where(rule => rule.IsTrueOf(parsed.RootElement)).Select(rule => rule.Says)));
    }

    [Theory]
    [InlineData("cloudnative-pg", "cnpg.io/instanceRole=primary", true)]
    [InlineData("cloudnative-pg", "role=primary", true)]
    [InlineData("cloudnative-pg", "cnpg.io/instanceRole=unhealthy,role=primary", false)]
    [InlineData("cloudnative-pg", "cnpg.io/instanceRole=replica", false)]
    [InlineData("zalando", "spilo-role=master", true)]
    [InlineData("patroni", "role=master", true)]
    [InlineData("patroni", "role=primary", true)]
    [InlineData("patroni", "role=standby_leader", false)]
    [InlineData("mariadb-operator", "k8s.mariadb.com/role=primary", true)]
    public void The_primary_is_known_by_its_labels(string preset, string labels, bool primary)
    {
        var set = labels.Split(',').Select(label => label.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Equal(primary, PresetCatalog.All[preset].Primary.Any(selector => selector.Matches(set)));
    }
}
