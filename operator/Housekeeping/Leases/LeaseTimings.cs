namespace SessionOperator.Operator.Housekeeping.Leases;

/// <summary>How long a lease holds, for its holder and for the others. The usual figures are those of Kubernetes' own components.</summary>
public sealed record LeaseTimings
{
    /// <summary>Others take a lease that they have seen unchanged for this long; whole seconds.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The holder acts for this long after it sent its last successful renewal. The difference to <see cref="Duration"/> is
    /// for what is under way when it ends, and for clocks that run at different speeds.
    /// </summary>
    public TimeSpan Held { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two looks at the lease, and between two renewals; others shorten it at random by up to a fifth.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(2);
}
