using System.Collections.Immutable;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>The watches that run, for liveness and metrics. Used from any thread.</summary>
public sealed class WatchDirectory(Action<ResourceKind, EndReason> ended)
{
    private ImmutableHashSet<WatchHealth> _running = [];

    public IReadOnlyCollection<WatchHealth> Running => Volatile.Read(ref _running);

    /// <summary>A watch that will never move again, so that only a restart helps; null when there is none.</summary>
    public WatchTarget? Stuck => Running.FirstOrDefault(health => !health.IsTurning)?.Target;

    /// <summary>Counts why watches of that kind end.</summary>
    public Action<EndReason> Counting(ResourceKind kind) => reason => ended(kind, reason);

    public void Add(WatchHealth health) => ImmutableInterlocked.Update(ref _running, (all, one) => all.Add(one), health);

    public void Remove(WatchHealth health) => ImmutableInterlocked.Update(ref _running, (all, one) => all.Remove(one), health);
}
