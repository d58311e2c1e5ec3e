namespace SessionOperator.Operator.Housekeeping.Leases;

/// <summary>What a Lease says. Its times are for people and other programs: nobody here compares them with a clock.</summary>
/// <param name="Holder">Who holds it; empty: nobody.</param>
/// <param name="Duration">Unchanged for this long, anybody may take it.</param>
/// <param name="AcquiredAt">Since when this holder holds it.</param>
/// <param name="RenewedAt">When the holder last wrote.</param>
/// <param name="Transitions">Changes of the holder so far.</param>
public sealed record LeaseRecord(string Holder, TimeSpan Duration, DateTimeOffset AcquiredAt, DateTimeOffset RenewedAt, int Transitions);

/// <summary>A Lease as it is stored.</summary>
/// <param name="Version">What a change must name.</param>
/// <param name="Record">What it says.</param>
public sealed record StoredLease(string Version, LeaseRecord Record);

/// <summary>Where the Lease is kept.</summary>
public interface ILeaseStore
{
    /// <summary>Null when there is none yet.</summary>
    /// <exception cref="LeaseUnavailableException"/>
    Task<StoredLease?> ReadAsync(CancellationToken cancellation);

    /// <summary>Null when somebody else's write came first: read again.</summary>
    /// <param name="version">The version that is being replaced; null when there is none yet.</param>
    /// <param name="next">What to store.</param>
    /// <param name="cancellation">Ends the attempt; the write may have been done all the same.</param>
    /// <exception cref="LeaseUnavailableException"/>
    Task<StoredLease?> TryWriteAsync(string? version, LeaseRecord next, CancellationToken cancellation);
}

/// <summary>The Lease can be neither read nor written at the moment; what was asked may have been done all the same.</summary>
public sealed class LeaseUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
