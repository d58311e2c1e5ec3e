using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>
/// In Normal: when bad signals become a flip of the whole fleet. One signal is never enough, at least one of them
/// must be a failed probe, and a probe that passed later refutes everything before it. Until then a sidecar with
/// bad news keeps its own local fallback. The exception: Kubernetes saying that the only server that takes writes has
/// stopped. That is known before any probe can fail, and if it is wrong, the probes say so within two seconds.
/// </summary>
public static class Confirmation
{
    public static DatabaseState Judge(
        DatabaseState state, Observations seen, FleetView fleet, Policy policy, DateTimeOffset now)
    {
        var downs = Standing(state, seen);
        if (downs.Find(down => down.Kind == SignalKind.Stopped) is { } stopped)
        {
            var why = $"{stopped.ReporterName} {stopped.Detail}";
            var observed = state.To(Phase.Unwritable, policy.Fallback, Cause.Observed, why, policy, now);
            return observed with { Decision = observed.Decision with { FirstSignalAt = stopped.At } };
        }
        if (ConfirmedAt(downs) is not { } confirmedAt)
        {
            return downs.Count == 0 ? JudgeProof(state, seen, policy, now) : state;
        }
        var probe = downs.FindLast(down => down.Origin == SignalOrigin.Probe)!;
        var save = downs.Find(down => down.Origin == SignalOrigin.App);
        var suspect = downs.Find(down => down.Kind == SignalKind.Suspect);
        // A server that answers "read-only" to a probe and to a save leaves nothing to ask.
        var certain = save is not null
            && downs.Exists(down => down.Origin == SignalOrigin.Probe && down.Kind == SignalKind.ReadOnly);
        if (!certain && SomebodyYetToSpeak(downs[0], seen, fleet) && now - confirmedAt < policy.HearOut)
        {
            return state;
        }
        var next = state.To(Phase.Unwritable, policy.Fallback, Cause.Confirmed, Reason(probe, save, suspect), policy, now);
        return next with { Decision = next.Decision with { FirstSignalAt = downs[0].At } };
    }

    /// <summary>When the operator heard the signal that made the bad news at least two, one of them a probe; null while they are not.</summary>
    public static DateTimeOffset? ConfirmedAt(List<Signal> downs)
    {
        var probed = false;
        var heard = DateTimeOffset.MinValue;
        for (var i = 0; i < downs.Count; i++)
        {
            probed |= downs[i].Origin == SignalOrigin.Probe;
            heard = downs[i].HeardAt > heard ? downs[i].HeardAt : heard;
            if (probed && i > 0)
            {
                return heard;
            }
        }
        return null;
    }

    /// <summary>The bad signals that still count, oldest first.</summary>
    public static List<Signal> Standing(DatabaseState state, Observations seen) =>
        [.. seen.Downs.Where(down => !(state.ReopenedAt >= down.At))];

    private static bool SomebodyYetToSpeak(Signal first, Observations seen, FleetView fleet) =>
        // One of another replica is asked, whether we have heard of its probes yet or not.
        fleet.Probers.Any(id => seen.Tracks.TryGetValue(id, out var track) ? track.LastAt < first.At : OtherReplicas.IsTheirs(id));

    private static DatabaseState JudgeProof(DatabaseState state, Observations seen, Policy policy, DateTimeOffset now) =>
        state.Decision.Phase != Phase.Writable && seen.NewestUp is { } up && up >= state.Decision.Since
            ? state.To(Phase.Writable, Mode.Normal, Cause.Proven, "a session write was committed", policy, now)
            : state;

    private static string Reason(Signal probe, Signal? save, Signal? suspect) => (save, suspect) switch
    {
        ({ } refused, _) => $"a session save was refused at {Describe(refused)}, and a probe failed from {Describe(probe)}",
        (_, { } seen) => $"{seen.ReporterName} {seen.Detail}, and a probe failed from {Describe(probe)}",
        _ => $"two probes in a row failed, the last one from {Describe(probe)}",
    };

    internal static string Describe(Signal signal) =>
        $"{signal.ReporterName} ({Words(signal.Kind)}{(signal.Detail.Length > 0 ? ": " : "")}{signal.Detail})";

    private static string Words(SignalKind kind) => kind switch
    {
        SignalKind.ReadOnly => "read-only",
        SignalKind.Unreachable => "unreachable",
        SignalKind.Deadline => "no answer in time",
        _ => kind.ToString(),
    };
}
