using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>How long the operator in a cluster waits for whom.</summary>
/// <param name="Lease">How long a decision holds without being renewed.</param>
public sealed record KubernetesTimings(TimeSpan Lease)
{
    public FleetTimings Fleet { get; init; } = new(Lease);

    public LeaseTimings Housekeeping { get; init; } = new();

    public ReplicaTimings Replicas { get; init; } = new(Lease);

    /// <summary>Null for the usual ones.</summary>
    public WatchTimings? Watches { get; init; }
}
