using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>The way back: first success, several in a row over the dwell time, Drain, Normal. A failed probe anywhere starts it over.</summary>
public static class Recovery
{
    public static DatabaseState JudgeFirstSuccess(DatabaseState state, Observations seen, Policy policy, DateTimeOffset now)
    {
        var streak = Counting(state, seen);
        if (streak.Count == 0)
        {
            return state;
        }
        var reason = $"a session write was committed; waiting for {Needed(state, policy)}";
        var next = state.To(Phase.Recovering, state.Decision.Mode, Cause.FirstSuccess, reason, policy, now);
        return next with { Decision = next.Decision with { FirstSignalAt = streak.First } };
    }

    public static DatabaseState JudgeStreak(DatabaseState state, Observations seen, Policy policy, DateTimeOffset now)
    {
        if (FailedAgain(state, seen, policy, now) is { } failed)
        {
            return failed;
        }
        var streak = Counting(state, seen);
        if (streak.Count < policy.SuccessesNeeded(state.Flaps) || streak.Span < policy.DwellNeeded(state.Flaps))
        {
            return state;
        }
        var reason = $"{streak.Count} session writes in a row were committed; unsaved session changes are replayed first";
        return state.To(Phase.Recovering, Mode.Drain, Cause.Recovered, reason, policy, now);
    }

    public static DatabaseState JudgeDrain(
        DatabaseState state, Observations seen, FleetView fleet, Policy policy, DateTimeOffset now)
    {
        if (FailedAgain(state, seen, policy, now) is { } failed)
        {
            return failed;
        }
        // An empty fleet proves nothing: its sidecars may only have lost their connections. Nor does the first one of many that is back.
        if (fleet is { Connected: > 0, Gathered: true } && fleet.Drained == fleet.Connected)
        {
            var reason = $"every one of {fleet.Connected} sidecars has replayed its unsaved session changes";
            return state.To(Phase.Writable, Mode.Normal, Cause.Drained, reason, policy, now);
        }
        if (now - state.Decision.Since < policy.DrainDeadline)
        {
            return state;
        }
        var late = $"the drain deadline passed with {fleet.Connected - fleet.Drained} of {fleet.Connected} sidecars not done"
            + $" ({fleet.Unsaved} session changes unsaved); they go on replaying";
        return state.To(Phase.Writable, Mode.Normal, Cause.DrainDeadline, late, policy, now);
    }

    private static DatabaseState? FailedAgain(DatabaseState state, Observations seen, Policy policy, DateTimeOffset now)
    {
        if (seen.Downs.FindLast(down => down.Kind == SignalKind.Stopped && down.HeardAt > state.Decision.Since) is { } stopped)
        {
            var observed = state.To(
                Phase.Unwritable, policy.Fallback, Cause.Observed, $"{stopped.ReporterName} {stopped.Detail}", policy, now);
            return observed with { Decision = observed.Decision with { FirstSignalAt = stopped.At } };
        }
        // Heard since, whenever it was made: a probe that hung through the last success still says that not all is well.
        if (seen.ProberFailure is not { } failure || failure.HeardAt <= state.Decision.Since)
        {
            return null;
        }
        var next = state.To(
            Phase.Unwritable, policy.Fallback, Cause.FailedAgain, $"a probe failed again from {Confirmation.Describe(failure)}", policy, now);
        return next with { Decision = next.Decision with { FirstSignalAt = failure.At } };
    }

    /// <summary>The passed probes that count: while an announced event is waited out, only those of another server, or none.</summary>
    private static Streak Counting(DatabaseState state, Observations seen)
    {
        if (state.Announced is { Holds: true })
        {
            return default;
        }
        var streak = state.Announced is null ? seen.Streak : seen.StreakElsewhere;
        return streak.Outage == state.OutageSince ? streak : default;
    }

    private static string Needed(DatabaseState state, Policy policy) =>
        $"{policy.SuccessesNeeded(state.Flaps)} in a row over {policy.DwellNeeded(state.Flaps).TotalSeconds:0.#} s";
}
