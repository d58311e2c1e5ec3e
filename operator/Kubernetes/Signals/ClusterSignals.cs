using System.Threading.Channels;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>Gives every SessionDatabase its signals, and new ones when its spec names other pods.</summary>
internal sealed partial class ClusterSignals(
    SessionDatabases databases, ControllerDirectory controllers, ApiTransport transport, WatchTimings? timings, WatchMetrics metrics,
    PodsDirectory pods, Clock clock, ILogger log) : BackgroundService
{
    private readonly Channel<SessionDatabaseChange> _changes = Channel.CreateUnbounded<SessionDatabaseChange>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<string, (SessionDatabase Database, DatabaseSignals Signals)> _running = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = databases.Subscribe(Notice);
        using var watches = new SharedWatches(transport, timings, metrics.Directory, log);
        try
        {
            var slices = await SliceVersion.FindAsync(transport, stoppingToken);
            foreach (var database in databases.All)
            {
                await Take(new SessionDatabaseChange(null, database), watches, slices, stoppingToken);
            }
            await foreach (var change in _changes.Reader.ReadAllAsync(stoppingToken))
            {
                await Take(change, watches, slices, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop.
        }
        foreach (var (_, signals) in _running.Values)
        {
            await signals.DisposeAsync();
        }
    }

    /// <summary>Most changes are of the status, which concerns nobody here.</summary>
    private void Notice(SessionDatabaseChange change)
    {
        if (change is not { Before: { } before, After: { } after }
            || before.Spec != after.Spec || SignalSource.Request(before) != SignalSource.Request(after))
        {
            _changes.Writer.TryWrite(change);
        }
    }

    private async Task Take(SessionDatabaseChange change, SharedWatches watches, ResourceKind slices, CancellationToken cancellation)
    {
        var name = change.Newest.Key;
        var known = _running.TryGetValue(name, out var running);
        if (known && (change.After is null || Elsewhere(running.Database, change.After)))
        {
            _running.Remove(name);
            await running.Signals.DisposeAsync();
            pods.Remove(name);
            known = false;
        }
        if (change.After is not { } database)
        {
            metrics.Forget(name);
            return;
        }
        var signals = known ? running.Signals : await Start(database, watches, slices, cancellation);
        _running[name] = (database, signals);
        await signals.Request(SignalSource.Request(database), cancellation);
    }

    private static bool Elsewhere(SessionDatabase before, SessionDatabase after) =>
        before.Metadata.Uid != after.Metadata.Uid || before.Spec.Pods != after.Spec.Pods || before.Spec.Service != after.Spec.Service;

    private async Task<DatabaseSignals> Start(SessionDatabase database, SharedWatches watches, ResourceKind slices, CancellationToken cancellation)
    {
        var name = database.Key;
        var preset = Presets.Preset.Own("", null);
        try
        {
            preset = SignalSource.Preset(database.Spec);
        }
        catch (FormatException wrong)
        {
            NoPods(name, wrong.Message);
            pods.Set(name, new PodsSeen(0, 0, wrong.Message));
        }
        var signals = new DatabaseSignals(
            name, preset, SignalSource.Namespace(database), watches, slices, (signal, token) => Post(name, signal, token),
            kind => metrics.Saw(name, kind), seen => pods.Set(name, seen), () => clock.Now, log);
        await signals.StartAsync(cancellation);
        return signals;
    }

    private async ValueTask Post(string database, Signal signal, CancellationToken cancellation)
    {
        // The controller of a database that is new comes a moment later; that of one that is gone comes no more.
        while (controllers.Find(database) is null && databases.Find(database) is not null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), cancellation);
        }
        if (controllers.Find(database) is { } controller)
        {
            await controller.Post(signal, cancellation);
        }
    }

    [LoggerMessage(EventId = 42, Level = LogLevel.Error, Message = "{Database}: {Why}. Until then only probes tell of outages")]
    private partial void NoPods(string database, string why);
}
