using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Kubernetes.Signals;

namespace SessionOperator.Operator.Housekeeping.Conditions;

/// <summary>What is right and wrong with a SessionDatabase, from what its status and its pods say. Pure.</summary>
public static class Judgement
{
    /// <summary>Sidecars that do not have the decision in force after this long are worth a word.</summary>
    private static readonly TimeSpan s_ackedWithin = TimeSpan.FromSeconds(30);

    /// <param name="database">The newest that is known.</param>
    /// <param name="pods">Null while its pods have not been listed.</param>
    /// <param name="now">The time.</param>
    /// <param name="bare">Pods of apps that lack the sidecar; null while nobody has looked, and where nothing is injected.</param>
    public static IReadOnlyList<Condition> Of(SessionDatabase database, PodsSeen? pods, DateTimeOffset now, IReadOnlyList<BarePod>? bare = null)
    {
        var status = database.Status ?? new SessionDatabaseStatus();
        // A replica without sidecars knows nothing of an app's database or cache.
        var fleet = (status.Fleet ?? new Dictionary<string, FleetEntry>()).OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => entry.Value).Where(entry => entry.Connected > 0).ToList();
        return
        [
            Ready(status),
            Fleet(status, fleet, now),
            Probed(fleet),
            Fallback(database.Spec, fleet),
            Pods(database.Spec.Pods, pods),
            Injected(bare),
            Loaded(fleet),
        ];
    }

    private static Condition Ready(SessionDatabaseStatus status) => (status.Phase, status.Mode) switch
    {
        (null or Phase.Unknown, _) => Say("Ready", null, "Unknown", status.Reason ?? "nothing is known of the database yet"),
        (Phase.Writable, Mode.Normal) => Say("Ready", true, "Writable", status.Reason ?? ""),
        var (phase, mode) => Say("Ready", false, phase.ToString()!, $"apps are told {mode}: {status.Reason}"),
    };

    private static Condition Fleet(SessionDatabaseStatus status, List<FleetEntry> fleet, DateTimeOffset now)
    {
        const string Type = "FleetConnected";
        if (fleet.Count == 0)
        {
            return Say(Type, false, "NoSidecars", $"no sidecar is connected: annotate the app's workload with {Annotations.Database}, or look at the sidecars' logs");
        }
        var (connected, acked) = (fleet.Sum(entry => entry.Connected), fleet.Sum(entry => entry.Epoch == status.Epoch ? entry.Acked : 0));
        return acked < connected && now - status.Since > s_ackedWithin
            ? Say(Type, false, "NotAcked", $"{connected - acked} of {connected} sidecars have not said that epoch {status.Epoch} is in force there; look at their logs")
            : Say(Type, true, "Connected", "the connected sidecars obey");
    }

    private static Condition Probed(List<FleetEntry> fleet)
    {
        const string Type = "Probed";
        if (fleet.Find(entry => entry.Misconfigured is { Length: > 0 }) is { } refused)
        {
            return Say(Type, false, "CredentialsRefused",
                $"{refused.Misconfigured}. Probes prove nothing, and an outage is noticed by failing saves only: let the app's database user insert into its session table");
        }
        if (fleet.Find(entry => entry.Saturated is { Length: > 0 }) is { } saturated)
        {
            return Say(Type, false, "Saturated", $"{saturated.Saturated}. Probes get no connection: allow more, or let the app use fewer");
        }
        return fleet.Count == 0 ? Say(Type, null, "NoSidecars", "no sidecar is connected")
            : fleet.Exists(entry => entry.Probe is not null) ? Say(Type, true, "Probed", "sidecars try whether session writes commit")
            : fleet.Exists(entry => entry.CanProbe > 0) ? Say(Type, null, "Waiting", "no probe has come back yet")
            : Say(Type, false, "NoAdapter", "no connected sidecar knows the app's database: no app has loaded the adapter");
    }

    private static Condition Fallback(SessionDatabaseSpec spec, List<FleetEntry> fleet)
    {
        const string Type = "FallbackUsable";
        if (spec.Fallback == "SkipSave")
        {
            return Say(Type, true, "SkipSave", "as spec.fallback says, saves of unchanged sessions are skipped and changes are answered with 503");
        }
        if (fleet.Find(entry => entry.Limited is { Length: > 0 }) is { } limited)
        {
            return Say(Type, false, "CacheUnusable", $"{limited.Limited}. In an outage changes are answered with 503: give the app a cache that all its pods share");
        }
        return fleet.Exists(entry => entry.CanProbe > 0) ? Say(Type, true, "CacheUsable", "sessions live in the apps' shared cache during an outage")
            : Say(Type, null, "NoSidecars", "no sidecar has said what cache its app has");
    }

    private static Condition Pods(PodsSpec? spec, PodsSeen? pods)
    {
        const string Type = "PodsFound";
        return (spec, pods) switch
        {
            (null, _) => Say(Type, null, "NotAsked", "spec.pods is not set: outages are noticed by probes and failing saves alone"),
            (_, null) => Say(Type, null, "Waiting", "the pods have not been listed yet"),
            (_, { Problem.Length: > 0 } wrong) => Say(Type, false, "NoSelector", wrong.Problem),
            (_, { Selected: 0 }) => Say(Type, false, "NoneMatch",
                $"no pod matches spec.pods in namespace {spec.Namespace ?? "of this object"}: outages are noticed by probes and failing saves alone"),
            (_, { Candidates: 0 }) => Say(Type, false, "NoPrimary", "no matching pod is labelled as the one that takes writes"),
            _ => Say(Type, true, "Found", "the database's pods are watched"),
        };
    }

    private static Condition Injected(IReadOnlyList<BarePod>? bare)
    {
        const string Type = "Injected";
        if (bare is null)
        {
            return Say(Type, null, "Waiting", "nobody has looked for pods without the sidecar yet");
        }
        if (bare.Count == 0)
        {
            return Say(Type, true, "Injected", "every pod that is to have the sidecar has it");
        }
        // Names of pods change with every rollout, those of workloads do not.
        var named = FewNames.Of(bare.Select(pod => pod.Workload ?? $"Pod {pod.Namespace}/{pod.Name}").Distinct());
        return bare.FirstOrDefault(pod => pod.Refusal is not null) is { } refused
            ? Say(Type, false, "Refused", $"pods without the sidecar are of {named}: {refused.Refusal}")
            : Say(Type, false, "NotInjected",
                $"pods without the sidecar are of {named}, made while the webhook did not answer. They behave as without us: roll them out again, or let the operator do it (injection.heal)");
    }

    private static Condition Loaded(List<FleetEntry> fleet)
    {
        const string Type = "AdapterLoaded";
        if (fleet.Select(entry => entry.NotLoaded).Where(named => named is { Length: > 0 }).ToList() is { Count: > 0 } without)
        {
            return Say(Type, false, "NotLoaded",
                $"the app beside the sidecar did not load the adapter in {string.Join(", ", without)}. It behaves as without us: see that its start leaves PYTHONPATH as it is "
                + $"(no -I or -E, no environment of its own). An app that keeps no sessions needs no sidecar: {Annotations.Inject}: \"false\"");
        }
        return fleet.Count == 0 ? Say(Type, null, "NoSidecars", "no sidecar is connected")
            : fleet.Exists(entry => entry.Loaded > 0) ? Say(Type, true, "Loaded", "the apps beside the connected sidecars have loaded the adapter, or have just been started")
            : Say(Type, null, "Waiting", "no app has loaded the adapter yet");
    }

    private static Condition Say(string type, bool? status, string reason, string message) => new()
    {
        Type = type,
        Status = status switch { true => "True", false => "False", null => "Unknown" },
        Reason = reason,
        Message = message,
    };
}
