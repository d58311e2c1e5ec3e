namespace SessionOperator.Operator.Certificates;

/// <summary>
/// How long certificates live and how far their lives overlap. The promise that follows: whoever holds a bundle that was
/// current at some moment of the last <see cref="Lateness"/> can verify what is served now.
/// </summary>
public sealed record RotationTimes
{
    /// <summary>Life of an authority. Its successor is made at two thirds of it.</summary>
    public TimeSpan AuthorityLife { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Life of a serving certificate. Replaced at two thirds of it.</summary>
    public TimeSpan ServingLife { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How old a client's bundle may be.</summary>
    public TimeSpan Lateness { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How much later than the write of a bundle the slowest replica may still hand out the one before.</summary>
    public TimeSpan ReplicaDelay { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How far clocks may be behind ours: certificates are valid from this long before they are made.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromHours(1);

    /// <summary>From an authority's publication to its first signature.</summary>
    public TimeSpan Overlap => Lateness + ReplicaDelay;
}
