using System.Text.RegularExpressions;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Conditions;
using SessionOperator.Operator.Kubernetes.Signals;

namespace SessionOperator.Operator.Tests.Housekeeping;

public partial class JudgementTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly FleetEntry s_well = new()
    {
        Connected = 3,
        Acked = 3,
        CanProbe = 3,
        Loaded = 3,
        Epoch = 4,
        Probe = new ProbeEntry { Verdict = "Writable", By = "web-1" },
    };

    private static SessionDatabase Database(params FleetEntry[] fleet) => new()
    {
        Spec = new SessionDatabaseSpec { Pods = new PodsSpec { Selector = "app=db" } },
        Status = new SessionDatabaseStatus
        {
            Phase = Phase.Writable,
            Mode = Mode.Normal,
            Epoch = 4,
            Since = s_now.AddMinutes(-5),
            Reason = "3 committed probes",
            Fleet = fleet.Select((entry, i) => (i, entry)).ToDictionary(one => $"operator-{one.i}", one => one.entry),
        },
    };

    private static Condition Of(string type, SessionDatabase database, PodsSeen? pods) =>
        Judgement.Of(database, pods, s_now).Single(condition => condition.Type == type);

    private static void Expect(string type, string status, string reason, SessionDatabase database, PodsSeen? pods = null)
    {
        var condition = Of(type, database, pods);
        Assert.Equal((status, reason), (condition.Status, condition.Reason));
        Assert.NotEmpty(condition.Message);
    }

    [Fact]
    public void When_all_is_well_all_is_true()
    {
        var conditions = Judgement.Of(Database(s_well, s_well), new PodsSeen(2, 1), s_now, []);
        Assert.All(conditions, condition => Assert.Equal("True", condition.Status));
        Assert.Equal(["AdapterLoaded", "FallbackUsable", "FleetConnected", "Injected", "PodsFound", "Probed", "Ready"], conditions.Select(condition => condition.Type).Order());
    }

    [Theory]
    [InlineData(Phase.Unwritable, Mode.Cache, "False", "Unwritable")]
    [InlineData(Phase.Recovering, Mode.Drain, "False", "Recovering")]
    [InlineData(Phase.Unknown, Mode.Normal, "Unknown", "Unknown")]
    public void It_is_ready_when_apps_are_told_Normal(Phase phase, Mode mode, string status, string reason)
    {
        var database = Database(s_well);
        Expect("Ready", status, reason, database with { Status = database.Status! with { Phase = phase, Mode = mode } });
    }

    [Fact]
    public void Refused_credentials_are_said_with_who_and_why_and_change_nothing_else()
    {
        var database = Database(s_well, s_well with { Misconfigured = "web-2: 42501 permission denied for table django_session" });
        Expect("Probed", "False", "CredentialsRefused", database);
        Assert.StartsWith("web-2: 42501 permission denied for table django_session. ", Of("Probed", database, null).Message, StringComparison.Ordinal);
        Expect("Ready", "True", "Writable", database);
        Expect("FallbackUsable", "True", "CacheUsable", database);
    }

    [Fact]
    public void What_the_probes_can_say_depends_on_who_is_there()
    {
        Expect("Probed", "False", "Saturated", Database(s_well with { Saturated = "web-1: 53300" }));
        Expect("Probed", "False", "NoAdapter", Database(s_well with { CanProbe = 0, Probe = null }));
        Expect("Probed", "Unknown", "Waiting", Database(s_well with { Probe = null }));
        Expect("Probed", "Unknown", "NoSidecars", Database());
        // What a replica remembers of sidecars that are gone does not count.
        Expect("Probed", "Unknown", "NoSidecars", Database(s_well with { Connected = 0, Misconfigured = "web-1: 28P01" }));
    }

    [Fact]
    public void A_pod_that_is_injected_but_did_not_load_the_adapter_is_named()
    {
        var database = Database(s_well, s_well with { Loaded = 2, NotLoaded = "web-4" });
        Expect("AdapterLoaded", "False", "NotLoaded", database);
        Assert.Contains(" in web-4. ", Of("AdapterLoaded", database, null).Message, StringComparison.Ordinal);
        // The others protect their sessions, and probe.
        Expect("Probed", "True", "Probed", database);
        Expect("AdapterLoaded", "Unknown", "Waiting", Database(s_well with { Loaded = 0 }));
        Expect("AdapterLoaded", "Unknown", "NoSidecars", Database(s_well with { Connected = 0, NotLoaded = "web-4" }));
    }

    [Fact]
    public void A_cache_that_pods_do_not_share_is_no_fallback_unless_none_is_asked_for()
    {
        var database = Database(s_well, s_well with { Limited = "web-3: LocMemCache is each process's own" });
        Expect("FallbackUsable", "False", "CacheUnusable", database);
        Expect("FallbackUsable", "True", "SkipSave", database with { Spec = database.Spec with { Fallback = "SkipSave" } });
        Expect("FallbackUsable", "Unknown", "NoSidecars", Database());
    }

    [Fact]
    public void Sidecars_that_do_not_obey_are_said_after_a_while()
    {
        Expect("FleetConnected", "False", "NoSidecars", Database());
        Expect("FleetConnected", "False", "NotAcked", Database(s_well, s_well with { Acked = 1 }));
        // They have acked an older epoch.
        Expect("FleetConnected", "False", "NotAcked", Database(s_well with { Epoch = 3 }));
        var fresh = Database(s_well with { Acked = 0 });
        Expect("FleetConnected", "True", "Connected", fresh with { Status = fresh.Status! with { Since = s_now.AddSeconds(-3) } });
    }

    [Fact]
    public void Pods_are_found_or_it_is_said_what_to_do()
    {
        var database = Database(s_well);
        Expect("PodsFound", "True", "Found", database, new PodsSeen(3, 1));
        Expect("PodsFound", "False", "NoneMatch", database, new PodsSeen(0, 0));
        Expect("PodsFound", "False", "NoPrimary", database, new PodsSeen(3, 0));
        Expect("PodsFound", "False", "NoSelector", database, new PodsSeen(0, 0, "spec.pods.selector is no selector; write ..."));
        Expect("PodsFound", "Unknown", "Waiting", database);
        Expect("PodsFound", "Unknown", "NotAsked", database with { Spec = new SessionDatabaseSpec() });
    }

    [Fact]
    public void A_status_that_is_empty_is_no_error() =>
        Assert.All(Judgement.Of(new SessionDatabase(), null, s_now), condition => Assert.NotEqual("True", condition.Status));

    [Fact]
    public void Every_condition_and_reason_has_its_place_on_the_page()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "SessionOperator.sln")))
        {
            root = root.Parent!;
        }
        var page = File.ReadAllText(Path.Combine(root.FullName, "docs/reference/conditions-and-events.md"));
        var code = File.ReadAllText(Path.Combine(root.FullName, "operator/Housekeeping/Conditions/Judgement.cs"));
        var words = Word().Matches(code).Select(match => match.Groups[1].Value).ToList();
        Assert.True(words.Count > 15, "the pattern finds nothing any more");
        Assert.All(words, word => Assert.Contains($"`{word}`", page, StringComparison.Ordinal));
    }

    [GeneratedRegex("(?:Say\\((?:\"|Type, (?:true|false|null), \")|Type = \")([A-Z][A-Za-z]+)\"")]
    private static partial Regex Word();
}
