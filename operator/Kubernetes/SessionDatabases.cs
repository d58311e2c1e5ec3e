using System.Collections.Immutable;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>A SessionDatabase was made (no Before), changed, or removed (no After).</summary>
public sealed record SessionDatabaseChange(SessionDatabase? Before, SessionDatabase? After)
{
    public SessionDatabase Newest => After ?? Before!;
}

/// <summary>
/// The newest that is known of every SessionDatabase: from the watches, and from the answers to our own writes, which
/// are there sooner. Reads take no lock.
/// </summary>
public sealed class SessionDatabases : IWatchSink<SessionDatabase>
{
    private readonly Lock _lock = new();
    private ImmutableDictionary<string, SessionDatabase> _all = ImmutableDictionary<string, SessionDatabase>.Empty;
    private ImmutableList<Action<SessionDatabaseChange>> _subscribers = [];

    public IEnumerable<SessionDatabase> All => Volatile.Read(ref _all).Values;

    /// <param name="key">"namespace/name".</param>
    public SessionDatabase? Find(string key) => Volatile.Read(ref _all).GetValueOrDefault(key);

    /// <summary>Calls back, on any thread, quickly and in order, after every change. Dispose to end.</summary>
    public IDisposable Subscribe(Action<SessionDatabaseChange> changed)
    {
        lock (_lock)
        {
            _subscribers = _subscribers.Add(changed);
        }
        return new Subscription(() =>
        {
            lock (_lock)
            {
                _subscribers = _subscribers.Remove(changed);
            }
        });
    }

    /// <summary>Takes in the answer to a write or a read of our own. It never brings back what the watch saw go.</summary>
    public void Offer(SessionDatabase newest)
    {
        lock (_lock)
        {
            if (_all.TryGetValue(newest.Key, out var known) && known.Metadata.Uid == newest.Metadata.Uid)
            {
                Take(known, newest);
            }
        }
    }

    public ValueTask Upserted(SessionDatabase? previous, SessionDatabase current, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var known = _all.GetValueOrDefault(current.Key);
            if (known is not null && known.Metadata.Uid != current.Metadata.Uid)
            {
                Drop(known);
                known = null;
            }
            Take(known, current);
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask Removed(SessionDatabase last, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_all.TryGetValue(last.Key, out var known) && known.Metadata.Uid == last.Metadata.Uid)
            {
                Drop(known);
            }
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask Listed(IReadOnlyCollection<SessionDatabase> all, CancellationToken cancellation) => ValueTask.CompletedTask;

    private void Take(SessionDatabase? known, SessionDatabase newest)
    {
        if (known is null || IsNewer(newest, known))
        {
            _all = _all.SetItem(newest.Key, newest);
            Tell(new SessionDatabaseChange(known, newest));
        }
    }

    private void Drop(SessionDatabase known)
    {
        _all = _all.Remove(known.Key);
        Tell(new SessionDatabaseChange(known, null));
    }

    private void Tell(SessionDatabaseChange change)
    {
        foreach (var changed in _subscribers)
        {
            changed(change);
        }
    }

    /// <summary>
    /// An answer to our write overtakes the watch, which then brings older states. Versions are numbers that grow, on
    /// every API server there is; should one be no number, what comes last counts, and a later event puts it right.
    /// </summary>
    private static bool IsNewer(SessionDatabase one, SessionDatabase known) =>
        !ulong.TryParse(one.Metadata.ResourceVersion, out var next) || !ulong.TryParse(known.Metadata.ResourceVersion, out var last) || next > last;

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
