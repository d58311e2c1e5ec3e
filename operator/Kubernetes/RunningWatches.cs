using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>The watches that run from start to stop, and whether they can be relied on.</summary>
internal sealed class RunningWatches(ApiTransport transport, WatchTimings? timings, WatchDirectory directory, ILogger log) : BackgroundService
{
    private readonly List<Func<CancellationToken, Task>> _runs = [];
    private readonly List<WatchHealth> _healths = [];

    /// <summary>To be called before the host starts.</summary>
    public WatchHealth Add<T>(WatchTarget target, Func<JsonElement, ObjectMeta, T> project, IWatchSink<T> sink) where T : class
    {
        var watch = new ResourceWatch<T>(transport, target, project, sink, log, timings, directory.Counting(target.Kind));
        _runs.Add(watch.RunAsync);
        _healths.Add(watch.Health);
        directory.Add(watch.Health);
        return watch.Health;
    }

    /// <summary>Everything has been listed once: absence means absence.</summary>
    public bool IsSynced => _healths.TrueForAll(health => health.IsSynced);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(_runs.Select(run => run(stoppingToken)));
}
