using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Operator.Signals;

/// <summary>
/// What became of the pods that take writes. Decisive is what leaves no pod that could: it flips the fleet alone,
/// announced where the server still runs for a while, observed where it has stopped. The same while another pod
/// serves - one of several replicas, one of two pods labelled primary - is a suspicion that only confirms a failed probe.
/// </summary>
public static class PodSightings
{
    /// <summary>After the grace period a pod may still take this long to be gone.</summary>
    private static readonly TimeSpan s_afterGrace = TimeSpan.FromSeconds(30);

    /// <summary>A database operator may give its servers half an hour to stop; the fleet does not wait longer for one that does not.</summary>
    private static readonly TimeSpan s_longestGoodbye = TimeSpan.FromMinutes(31);

    /// <summary>A server that lost its role and is still writable after this long was not demoted.</summary>
    private static readonly TimeSpan s_demotion = TimeSpan.FromSeconds(15);

    public static IEnumerable<Sighting> Between(DatabaseView before, DatabaseView after, Preset preset, DateTimeOffset now)
    {
        foreach (var was in before.Candidates(preset))
        {
            var others = after.Candidates(preset).Any(pod => pod.Uid != was.Uid && pod.Serves);
            if (Became(was, after.Pods.GetValueOrDefault(was.Uid), after, preset, decisive: !others, now) is { } sighting)
            {
                yield return sighting with { Instance = $"{was.Uid}/{was.Restarts}" };
            }
        }
        foreach (var pod in after.Candidates(preset))
        {
            if (before.Pods.TryGetValue(pod.Uid, out var was) && !before.IsCandidate(was, preset))
            {
                yield return Sighting.Withdrawn(SightingKind.RoleBack, Name(pod), RoleOf(pod), "is labelled primary", now);
            }
        }
    }

    private static Sighting? Became(PodView was, PodView? now, DatabaseView after, Preset preset, bool decisive, DateTimeOffset at)
    {
        if (now is null)
        {
            // One that was seen to go has been announced.
            return was.Deleting is null ? Evidence(decisive, SightingKind.PodGone, was, "is gone", at) : null;
        }
        if (now.Deleting is { } gone)
        {
            return was.Deleting is not null ? null
                : decisive ? Sighting.Announced(SightingKind.Terminating, Name(now), Name(now), "is terminating", at, Clamp(gone + s_afterGrace, at))
                : Evidence(false, SightingKind.Terminating, now, "is terminating", at);
        }
        if (was.Container != ContainerState.Down && now.Container == ContainerState.Down)
        {
            return Evidence(decisive, SightingKind.ContainerDown, now, $"runs no {preset.Container} any more ({Exit(now)})", at);
        }
        if (was.Ready && !now.Ready)
        {
            return Evidence(decisive, SightingKind.NotReady, now, "is not ready", at);
        }
        if (was.Serves && !after.IsCandidate(now, preset))
        {
            return decisive
                ? Sighting.Announced(SightingKind.RoleLost, Name(now), RoleOf(now), "is no longer labelled primary", at, at + s_demotion)
                : Evidence(false, SightingKind.RoleLost, now, "is no longer labelled primary", at);
        }
        if (now.Restarts > was.Restarts && now.Container == ContainerState.Running)
        {
            return Evidence(false, SightingKind.ContainerRestarted, now, $"has restarted its {preset.Container} ({Exit(now)})", at);
        }
        return was.Unwell.Length == 0 && now.Unwell.Length > 0
            ? Evidence(false, SightingKind.Unwell, now, $"says of itself: {now.Unwell}", at) : null;
    }

    private static Sighting Evidence(bool decisive, SightingKind kind, PodView pod, string words, DateTimeOffset at) =>
        decisive ? Sighting.Stopped(kind, Name(pod), words, at) : Sighting.Suspect(kind, Name(pod), words, at);

    private static DateTimeOffset Clamp(DateTimeOffset gone, DateTimeOffset at) =>
        gone < at + s_afterGrace ? at + s_afterGrace : gone > at + s_longestGoodbye ? at + s_longestGoodbye : gone;

    private static string Exit(PodView pod) => pod.LastExit.Length > 0 ? pod.LastExit : "no reason given";

    private static string Name(PodView pod) => $"pod/{pod.Name}";

    private static string RoleOf(PodView pod) => $"pod/{pod.Name} role";
}
