using System.Globalization;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.State;

/// <summary>The store of the standalone operator. It forgets when the process ends; sidecars' hellos bring it back.</summary>
public sealed class InMemoryDecisionStore : IDecisionStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, StoredState> _states = [];
    private readonly Dictionary<string, List<Action<StoredState>>> _subscribers = [];
    private long _version;

    public ValueTask<StoredState?> ReadAsync(string database, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(_states.GetValueOrDefault(database));
        }
    }

    public ValueTask<WriteOutcome> TryWriteAsync(
        string database, string? expectedVersion, DatabaseState next, CancellationToken cancellation)
    {
        Action<StoredState>[] notify;
        StoredState written;
        lock (_lock)
        {
            var current = _states.GetValueOrDefault(database);
            if (current is not null && current.Version != expectedVersion)
            {
                return ValueTask.FromResult(new WriteOutcome(false, current));
            }
            written = new StoredState((++_version).ToString(CultureInfo.InvariantCulture), next);
            _states[database] = written;
            notify = [.. _subscribers.GetValueOrDefault(database, [])];
        }
        foreach (var changed in notify)
        {
            changed(written);
        }
        return ValueTask.FromResult(new WriteOutcome(true, written));
    }

    public IDisposable Subscribe(string database, Action<StoredState> changed)
    {
        lock (_lock)
        {
            if (!_subscribers.TryGetValue(database, out var list))
            {
                _subscribers[database] = list = [];
            }
            list.Add(changed);
        }
        return new Subscription(() =>
        {
            lock (_lock)
            {
                _subscribers[database].Remove(changed);
            }
        });
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
