using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Kubernetes.Tests.Api;

public class SessionDatabaseTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_lines_suffice_and_the_rest_is_filled_in()
    {
        var created = await Create("""{ "pods": { "preset": "cloudnative-pg", "cluster": "orders" } }""");
        Assert.Equal(
            ("Cache", 3, "1s", "60s", "orders"),
            (created.Spec.Fallback, created.Spec.Recovery.Successes, created.Spec.Recovery.Dwell, created.Spec.Recovery.DrainDeadline, created.Spec.Pods?.Cluster));
    }

    [Fact]
    public async Task What_is_written_beside_a_default_stays()
    {
        var created = await Create("""{ "fallback": "SkipSave", "recovery": { "dwell": "5s" }, "maintenance": { "until": "2026-01-31T04:30:00Z" } }""");
        Assert.Equal(
            ("SkipSave", 3, "5s", new DateTimeOffset(2026, 1, 31, 4, 30, 0, TimeSpan.Zero)),
            (created.Spec.Fallback, created.Spec.Recovery.Successes, created.Spec.Recovery.Dwell, created.Spec.Maintenance?.Until));
    }

    [Theory]
    [InlineData("""{ "fallback": "cache" }""", "spec.fallback", "supported values: \"Cache\", \"SkipSave\"")]
    [InlineData("""{ "recovery": { "successes": 0 } }""", "spec.recovery.successes", "should be greater than or equal to 1")]
    [InlineData("""{ "recovery": { "successes": 101 } }""", "spec.recovery.successes", "should be less than or equal to 100")]
    [InlineData("""{ "recovery": { "dwell": "5 seconds" } }""", "spec.recovery.dwell", "should match '^([0-9]{1,5}ms|[0-9]{1,2}s|[0-5]m)$'")]
    [InlineData("""{ "recovery": { "drainDeadline": "2h" } }""", "spec.recovery.drainDeadline", "|60m|1h)$'")]
    [InlineData("""{ "recovery": { "drainDeadline": 60 } }""", "spec.recovery.drainDeadline", "must be of type string")]
    [InlineData("""{ "pods": { "preset": "cnpg", "cluster": "orders" } }""", "spec.pods.preset", "\"cloudnative-pg\"")]
    [InlineData("""{ "pods": { "preset": "cloudnative-pg" } }""", "spec.pods.cluster", "Required value")]
    [InlineData("""{ "pods": { "cluster": "Orders" } }""", "spec.pods.cluster", "should match '^[a-z0-9]")]
    [InlineData("""{ "service": "" }""", "spec.service", "should be at least 1 chars long")]
    [InlineData("""{ "maintenance": { "reason": "upgrade" } }""", "spec.maintenance.until", "Required value")]
    [InlineData("""{ "maintenance": { "until": "tomorrow" } }""", "spec.maintenance.until", "must be of type date-time")]
    public async Task A_bad_value_is_refused_with_the_field_and_what_may_be_written(string spec, string field, string says)
    {
        var refused = await Assert.ThrowsAsync<ApiException>(() => Create(spec));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Status);
        Assert.Contains(field, refused.Message, StringComparison.Ordinal);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_of_them_fits_100_columns()
    {
        var definition = await server.Client.ReadCustomResourceDefinitionAsync("sessiondatabases.sessionoperator.dev", cancellationToken: Cancellation);
        Assert.Equal(["sdb"], definition.Spec.Names.ShortNames);
        var columns = definition.Spec.Versions[0].AdditionalPrinterColumns.Where(column => column.Priority is null or 0);
        // kubectl writes headings in capitals and three spaces between columns; an age has up to 5 characters, a count 6.
        var width = 30 + columns.Sum(column => 3 + Math.Max(column.Name.Length, column.JsonPath switch
        {
            ".status.phase" => Enum.GetNames<Phase>().Max(name => name.Length),
            ".status.mode" => Enum.GetNames<Mode>().Max(name => name.Length),
            _ when column.Type == "date" => 5,
            _ => 6,
        }));
        Assert.InRange(width, 60, 100);
    }

    [Fact]
    public async Task A_status_comes_back_as_it_was_written()
    {
        var created = await Create("{}");
        var path = $"apis/{SessionDatabase.ApiVersion}/namespaces/{created.Metadata.Namespace}/{SessionDatabase.Plural}/{created.Metadata.Name}/status";
        var now = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).AddTicks(1_234_567);
        var status = new SessionDatabaseStatus
        {
            Phase = Phase.Unwritable,
            Mode = Mode.SkipSave,
            Epoch = 1UL << 61,
            Reason = "two probes failed",
            Since = now,
            Sidecars = 3,
            Unsaved = 7,
            Conditions = [new Condition { Type = "Writable", Status = "False", Reason = "Confirmed", Message = "m", LastTransitionTime = now, ObservedGeneration = 1 }],
            Fleet = new Dictionary<string, FleetEntry>
            {
                ["operator-1"] = new() { Instance = "1", Leaving = true, Connected = 3, Epoch = 9, Probe = new ProbeEntry { Verdict = "Unreachable", At = now, By = "web-1" }, Heartbeat = now },
            },
            LastOutage = new LastOutage { From = now, Reason = "two probes failed", Rescued = 5 },
            Basis = new DecisionBasis { Revision = 4, Cause = "Confirmed", LastNormalEpoch = 8, OutageSince = now, Announced = new AnnouncedBasis { Reporter = "pod", At = now, Until = now } },
        };
        var written = await server.Calls.MergeAsync<SessionDatabase>(path, new { status }, Cancellation);
        Assert.Equal(JsonSerializer.Serialize(status, ApiJson.Options), JsonSerializer.Serialize(written.Status, ApiJson.Options));
        var again = await server.Calls.MergeAsync<SessionDatabase>(path, new { status = new { fleet = new Dictionary<string, FleetEntry?> { ["operator-1"] = null } } }, Cancellation);
        Assert.Empty(again.Status!.Fleet!);
        Assert.Equal(1UL << 61, again.Status.Epoch);
    }

    private async Task<SessionDatabase> Create(string spec)
    {
        var name = await server.NamespaceAsync("sdb");
        var body = new JsonObject
        {
            ["apiVersion"] = SessionDatabase.ApiVersion,
            ["kind"] = SessionDatabase.Kind,
            ["metadata"] = new JsonObject { ["name"] = "orders-db" },
            ["spec"] = JsonNode.Parse(spec),
        };
        return await server.Calls.PostAsync<SessionDatabase>($"apis/{SessionDatabase.ApiVersion}/namespaces/{name}/{SessionDatabase.Plural}", body, Cancellation);
    }
}
