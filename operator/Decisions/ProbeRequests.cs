using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>When probers are asked, and when they are asked to hurry.</summary>
public static class ProbeRequests
{
    private static readonly TimeSpan BeforeFlip = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AfterRefusedSave = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan AfterFailedProbe = TimeSpan.FromSeconds(1);

    /// <summary>Time between the probes of one prober.</summary>
    public static TimeSpan Interval(Phase phase) =>
        phase is Phase.Unwritable or Phase.Recovering ? TimeSpan.FromMilliseconds(250) : TimeSpan.FromSeconds(1);

    /// <summary>
    /// A bad signal in Normal that nobody has confirmed or refuted: ask now. Bounded, so that one sidecar's lasting
    /// bad news does not become a storm of probes.
    /// </summary>
    public static bool IsDue(
        DatabaseState state, Observations seen, DateTimeOffset? lastAsked, DateTimeOffset now)
    {
        if (state.Decision.Mode != Mode.Normal)
        {
            return false;
        }
        var downs = Confirmation.Standing(state, seen);
        // That flips the fleet alone and is being stored; a question to the other replicas would only hold that write up.
        if (downs.Exists(down => down.Kind == SignalKind.Stopped))
        {
            return false;
        }
        var unasked = downs.FindAll(down => !(lastAsked >= down.HeardAt));
        if (unasked.Count == 0)
        {
            return false;
        }
        // About to flip: the probers who have not spoken get a last chance to say that the database is well.
        var pause = Confirmation.ConfirmedAt(downs) is not null ? BeforeFlip
            : unasked.Exists(down => down.Origin != SignalOrigin.Probe) ? AfterRefusedSave : AfterFailedProbe;
        return lastAsked is not { } asked || now - asked >= pause;
    }
}
