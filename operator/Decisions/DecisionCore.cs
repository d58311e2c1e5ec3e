namespace SessionOperator.Operator.Decisions;

/// <summary>
/// State, evidence, policy and time in; the next state out. Pure: no clock, no I/O, so it can be simulated, and so
/// that replicas that lose a compare-and-swap can simply decide again on what the winner wrote.
/// </summary>
public static class DecisionCore
{
    /// <summary>
    /// At most one transition further. The same instance comes back when nothing is to be done; a state with the
    /// same epoch when only what is remembered has changed.
    /// </summary>
    public static DatabaseState Decide(
        DatabaseState state, Observations seen, FleetView fleet, Policy policy, DateTimeOffset now)
    {
        var announced = Announcements.Judge(state, seen, policy, now);
        if (announced.Decision.Epoch != state.Decision.Epoch)
        {
            return announced;
        }
        return (announced.Decision.Phase, announced.Decision.Mode) switch
        {
            (_, Mode.Normal) => Confirmation.Judge(announced, seen, fleet, policy, now),
            (Phase.Recovering, Mode.Drain) => Recovery.JudgeDrain(announced, seen, fleet, policy, now),
            (Phase.Recovering, _) => Recovery.JudgeStreak(announced, seen, policy, now),
            _ => Recovery.JudgeFirstSuccess(announced, seen, policy, now),
        };
    }
}
