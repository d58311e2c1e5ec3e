using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>Announced is better than observed: the fleet switches before the database stops.</summary>
public static class Announcements
{
    public static DatabaseState Judge(DatabaseState state, Observations seen, Policy policy, DateTimeOffset now)
    {
        state = Forget(state, seen, now);
        // An announcement older than the last reopening has been served already.
        var active = seen.Announcements.Values
            .Where(signal => signal.Kind == SignalKind.Announced && signal.Expires > now && !(state.ReopenedAt >= signal.At))
            .MaxBy(signal => (signal.Holds, signal.Expires));
        if (active is not null && Outlasts(active, state.Announced))
        {
            var doomed = state.Announced?.DoomedServer ?? active.ServerIdentity;
            state = state with
            {
                Announced = new AnnouncedEvent(active.Reporter, active.At, active.Expires!.Value, doomed) { Holds = active.Holds },
            };
            if (state.Decision.Phase != Phase.Unwritable)
            {
                var reason = $"{active.ReporterName} announced: {active.Detail}";
                state = state.To(Phase.Unwritable, policy.Fallback, Cause.Announced, reason, policy, now);
                return state with { Decision = state.Decision with { FirstSignalAt = active.At } };
            }
        }
        // The server seen first after the announcement is taken for the doomed one: waiting is safe, reopening early is not.
        if (state.Announced is { DoomedServer.Length: 0 } && seen.Server.Length > 0)
        {
            state = state with { Announced = state.Announced with { DoomedServer = seen.Server } };
        }
        return state;
    }

    private static bool Outlasts(Signal active, AnnouncedEvent? known) => known is null
        || (active.Holds == known.Holds ? active.Expires > known.Until : active.Holds)
        // Who announced it may also correct it.
        || (active.Reporter == known.Reporter && active.At > known.At && active.Expires != known.Until);

    private static DatabaseState Forget(DatabaseState state, Observations seen, DateTimeOffset now)
    {
        if (state.Announced is not { } announced)
        {
            return state;
        }
        var withdrawn = seen.Announcements.TryGetValue(announced.Reporter, out var last)
            && last.Kind == SignalKind.Withdrawn && last.At >= announced.At;
        return withdrawn || now >= announced.Until ? state with { Announced = null } : state;
    }
}
