namespace SessionOperator.Operator.Fleet;

/// <summary>How long the hub waits for whom.</summary>
/// <param name="Lease">How long a decision holds without being renewed; renewed every third of it.</param>
public sealed record FleetTimings(TimeSpan Lease)
{
    public TimeSpan Renewal => Lease / 3;

    /// <summary>How long a new stream may take to say Hello.</summary>
    public TimeSpan HelloDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A sidecar sends a Status at least every 5 s; after three that did not come its stream is ended.</summary>
    public TimeSpan ReadDeadline { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A sidecar that takes no message for this long is cut off.</summary>
    public TimeSpan WriteDeadline { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a part of a handover waits for its receiver's stream; its sender hears nothing else meanwhile.</summary>
    public TimeSpan PassDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often time alone is looked at: deadlines, renewals, news that can wait.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How old gauges may be; a new epoch shows with the next tick.</summary>
    public TimeSpan Show { get; init; } = TimeSpan.FromSeconds(1);
}
