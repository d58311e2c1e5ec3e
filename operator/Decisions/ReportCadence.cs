using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Decisions;

/// <summary>When a replica tells the others: at once what they decide by, a little later what they only show, now and then that it lives.</summary>
public static class ReportCadence
{
    /// <param name="next">What would be written.</param>
    /// <param name="last">What was written last; null when nothing was, or when it is not there any more.</param>
    /// <param name="since">How long ago.</param>
    /// <param name="outage">The mode is not Normal.</param>
    /// <param name="summarises">What is shown of all replicas is ours to write, and has changed.</param>
    /// <param name="timings">How long what waits.</param>
    public static bool IsDue(
        FleetEntry next, FleetEntry? last, TimeSpan since, bool outage, bool summarises, ReplicaTimings timings)
    {
        if (last is null || since >= timings.Beat(outage))
        {
            return true;
        }
        if (since < timings.Urgent)
        {
            return false;
        }
        if (IsUrgent(next, last))
        {
            return true;
        }
        // A probe that passed once more is no news.
        return since >= timings.Patient
            && (summarises || next with { Heartbeat = default, Probe = null } != last with { Heartbeat = default, Probe = null });
    }

    private static bool IsUrgent(FleetEntry next, FleetEntry last) =>
        next.Leaving != last.Leaving
        || next.Asks != last.Asks
        // The first sidecar here: those elsewhere are not alone any more.
        || (last.Connected == 0 && next.Connected > 0)
        || (next.Connected > 0 && IsAll(next, last, entry => entry.Acked))
        || (next.Connected > 0 && IsAll(next, last, entry => entry.Drained))
        || (next.Probe?.Verdict, next.Probe?.Answers) != (last.Probe?.Verdict, last.Probe?.Answers)
        || (next.CanProbe > 0) != (last.CanProbe > 0);

    /// <summary>All are there now, or are no longer although the others believe so. Of an epoch that is new to the others they believe nothing.</summary>
    private static bool IsAll(FleetEntry next, FleetEntry last, Func<FleetEntry, int> count)
    {
        var all = count(next) == next.Connected;
        return next.Epoch == last.Epoch ? all != (count(last) == last.Connected) : all;
    }
}
