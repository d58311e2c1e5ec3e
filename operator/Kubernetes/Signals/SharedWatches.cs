using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>Starts a watch when it is first wanted, shares it with whoever wants the same, ends it when nobody does.</summary>
public sealed class SharedWatches(ApiTransport transport, WatchTimings? timings, WatchDirectory directory, ILogger log) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<(WatchTarget, object?), object> _watches = [];

    /// <summary>Ends by disposing of what comes back.</summary>
    /// <param name="target">What to watch.</param>
    /// <param name="fields">What tells one projection from another of the same target; compared by value.</param>
    /// <param name="project">Boils an object down.</param>
    /// <param name="sink">Told of every change.</param>
    /// <param name="cancellation">Ends the wait for a turn.</param>
    public async ValueTask<IAsyncDisposable> Subscribe<T>(
        WatchTarget target, object? fields, Func<JsonElement, ObjectMeta, T> project, IWatchSink<T> sink, CancellationToken cancellation)
        where T : class
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (!_watches.TryGetValue((target, fields), out var watch))
            {
                _watches.Add((target, fields), watch = new SharedWatch<T>(transport, target, project, timings, directory, log));
            }
            await ((SharedWatch<T>)watch).Join(sink, cancellation);
        }
        finally
        {
            _turn.Release();
        }
        return new Subscription(() => End<T>((target, fields), sink));
    }

    /// <summary>After the last subscription has ended.</summary>
    public void Dispose() => _turn.Dispose();

    private async ValueTask End<T>((WatchTarget, object?) key, IWatchSink<T> sink) where T : class
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (_watches.TryGetValue(key, out var found) && found is SharedWatch<T> watch && await watch.Leave(sink))
            {
                _watches.Remove(key);
                await watch.DisposeAsync();
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private sealed class Subscription(Func<ValueTask> end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => end();
    }
}
