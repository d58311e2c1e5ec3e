namespace SessionOperator.Operator.Housekeeping.Leases;

/// <summary>Who may write what into the lease, and when. Pure.</summary>
public static class LeasePlan
{
    /// <summary>Whether it may be taken.</summary>
    /// <param name="stored">What was read; null when there is none.</param>
    /// <param name="me">Who asks.</param>
    /// <param name="unchangedFor">For how long, by our own clock, it has been seen as it is.</param>
    /// <remarks>
    /// One that names us was written by a request of ours whose answer was lost. It has to be written again before it
    /// counts: how long ago the lost one was sent is not known any more.
    /// </remarks>
    public static bool IsFree(StoredLease? stored, string me, TimeSpan unchangedFor) =>
        stored is null || stored.Record.Holder.Length == 0 || stored.Record.Holder == me || unchangedFor >= stored.Record.Duration;

    public static LeaseRecord Take(StoredLease? stored, string me, LeaseTimings timings, DateTimeOffset now)
    {
        var again = stored?.Record.Holder == me;
        return new LeaseRecord(
            me, timings.Duration, again ? stored!.Record.AcquiredAt : now, now, stored is null ? 0 : stored.Record.Transitions + (again ? 0 : 1));
    }

    public static LeaseRecord Renew(LeaseRecord held, DateTimeOffset now) => held with { RenewedAt = now };

    /// <summary>Nobody's, so that the next one need not wait.</summary>
    public static LeaseRecord Release(LeaseRecord held, DateTimeOffset now) =>
        held with { Holder = "", Duration = TimeSpan.FromSeconds(1), AcquiredAt = now, RenewedAt = now };
}
