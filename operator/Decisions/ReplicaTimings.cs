namespace SessionOperator.Operator.Decisions;

/// <summary>How often replicas tell each other how they are, and how long they wait for one another.</summary>
/// <param name="Lease">How long a decision holds at a sidecar without being renewed.</param>
public sealed record ReplicaTimings(TimeSpan Lease)
{
    /// <summary>Between two writes of a replica with nothing new to say while the mode is Normal.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The same while it is not.</summary>
    public TimeSpan HeartbeatInOutage { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>News that others decide by waits only for the news just before it.</summary>
    public TimeSpan Urgent { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long other news waits for more.</summary>
    public TimeSpan Patient { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the sidecars of a replica that has ended are waited for; their longest pause before they connect again is 2 s.</summary>
    public TimeSpan Gather { get; init; } = TimeSpan.FromMilliseconds(2500);

    public TimeSpan Beat(bool outage) => outage ? HeartbeatInOutage : Heartbeat;

    /// <summary>Who changes nothing for this long is cut off.</summary>
    public TimeSpan Limit(bool outage) => (3 * Beat(outage)) + TimeSpan.FromSeconds(1);
}
