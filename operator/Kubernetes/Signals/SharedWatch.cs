using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>
/// One watch with several sinks that may come and go. A sink that comes later is told all that there is as a list.
/// What looks the same as before is not passed on.
/// </summary>
internal sealed class SharedWatch<T> : IWatchSink<T>, IAsyncDisposable where T : class
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly HashSet<T> _known = new(ReferenceEqualityComparer.Instance);
    private readonly List<IWatchSink<T>> _sinks = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly WatchDirectory _directory;
    private readonly ResourceWatch<T> _watch;
    private readonly Task _running;
    private bool _listed;

    public SharedWatch(
        ApiTransport transport, WatchTarget target, Func<JsonElement, ObjectMeta, T> project, WatchTimings? timings,
        WatchDirectory directory, ILogger log)
    {
        _directory = directory;
        _watch = new ResourceWatch<T>(transport, target, project, this, log, timings, directory.Counting(target.Kind));
        directory.Add(_watch.Health);
        _running = _watch.RunAsync(_stopping.Token);
    }

    public WatchHealth Health => _watch.Health;

    public async ValueTask Join(IWatchSink<T> sink, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            _sinks.Add(sink);
            if (_listed)
            {
                await sink.Listing(cancellation);
                foreach (var one in _known)
                {
                    await sink.Upserted(null, one, cancellation);
                }
                await sink.Listed(_known, cancellation);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>True when that was the last sink.</summary>
    public async ValueTask<bool> Leave(IWatchSink<T> sink)
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            _sinks.Remove(sink);
            return _sinks.Count == 0;
        }
        finally
        {
            _turn.Release();
        }
    }

    public ValueTask Listing(CancellationToken cancellation) => Tell(sink => sink.Listing(cancellation), cancellation);

    public async ValueTask Upserted(T? previous, T current, CancellationToken cancellation)
    {
        if (previous is null || !previous.Equals(current))
        {
            await Tell(sink => sink.Upserted(previous, current, cancellation), cancellation, () => Replace(previous, current));
        }
        else
        {
            Replace(previous, current);
        }
    }

    public ValueTask Removed(T last, CancellationToken cancellation) =>
        Tell(sink => sink.Removed(last, cancellation), cancellation, () => _known.Remove(last));

    public ValueTask Listed(IReadOnlyCollection<T> all, CancellationToken cancellation) =>
        Tell(sink => sink.Listed(all, cancellation), cancellation, () => _listed = true);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _directory.Remove(_watch.Health);
        _stopping.Dispose();
        _turn.Dispose();
    }

    private void Replace(T? previous, T current)
    {
        if (previous is not null)
        {
            _known.Remove(previous);
        }
        _known.Add(current);
    }

    private async ValueTask Tell(Func<IWatchSink<T>, ValueTask> tell, CancellationToken cancellation, Action? first = null)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            first?.Invoke();
            foreach (var sink in _sinks)
            {
                await tell(sink);
            }
        }
        finally
        {
            _turn.Release();
        }
    }
}
