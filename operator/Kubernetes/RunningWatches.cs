using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>The watches that run from start to stop, and whether they can be relied on.</summary>
internal sealed class RunningWatches : BackgroundService
{
    private readonly List<Func<CancellationToken, Task>> _runs = [];
    private readonly List<WatchHealth> _healths = [];

    /// <summary>To be called before the host starts.</summary>
    public void Add<T>(ResourceWatch<T> watch) where T : class
    {
        _runs.Add(watch.RunAsync);
        _healths.Add(watch.Health);
    }

    /// <summary>Everything has been listed once: absence means absence.</summary>
    public bool IsSynced => _healths.TrueForAll(health => health.IsSynced);

    /// <summary>Every watch knows what the server knows.</summary>
    public bool IsFresh => _healths.TrueForAll(health => health.IsFresh);

    /// <summary>The watch that will never move again, so that only a restart helps; null when there is none.</summary>
    public WatchTarget? Stuck => _healths.Find(health => !health.IsTurning)?.Target;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(_runs.Select(run => run(stoppingToken)));
}
