using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>The copy of a session that all pods share: read and written for one request, with a cache that does not answer as an answer.</summary>
internal sealed class SharedRecords(ModeController mode, Backends backends, ILogger log)
{
    /// <summary>How often a request writes anew because another pod was first.</summary>
    public const int MostConflicts = 50;

    private const int MostSeen = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SessionRecord> _seen = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    /// <summary>The record of a session, if there is one, and whether the cache answered.</summary>
    public async Task<((SessionRecord Record, ulong Token)? Held, bool Reachable)> ReadAsync(string key, CancellationToken cancel)
    {
        var cache = (backends.Current ?? throw Backends.HelloExpected()).Cache;
        if (cache is null)
        {
            return (null, false);
        }

        try
        {
            var held = await cache.GetAsync(key, cancel);
            Remember(key, held?.Record);
            return (held, true);
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return (null, false);
        }
    }

    /// <summary>
    /// What the cache held of a session when it was last read, without its data: what a request stands on that was under way when
    /// the cache was lost. The latest reads only; null if none of them found anything.
    /// </summary>
    public SessionRecord? LastSeen(string key)
    {
        lock (_lock) { return _seen.GetValueOrDefault(key); }
    }

    /// <summary>True: written; false: somebody was first; null: the cache did not take it.</summary>
    public async Task<bool?> WriteAsync(SessionRecord record, ulong? token, CancellationToken cancel)
    {
        try
        {
            return await backends.Current!.Cache!.ReplaceAsync(record, token, cancel);
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return null;
        }
    }

    /// <summary>Whether an entry of the app's is there; null if the cache does not answer.</summary>
    public async Task<bool?> HasEntryAsync(string entry, CancellationToken cancel)
    {
        if (backends.Current?.Cache is not { } cache)
        {
            return null;
        }

        try
        {
            return await cache.HasEntryAsync(entry, cancel);
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return null;
        }
    }

    /// <summary>Makes a record known to all pods, if the cache answers; if not, the canary does when it is back.</summary>
    public Task PublishAsync(SessionRecord record, CancellationToken cancel) => TryAsync(cache => cache.PublishAsync(record, cancel));

    /// <summary>
    /// An app whose sidecar does not answer ends a session with its engine, and leaves word of it in the cache; so does that of the only
    /// pod, whose sidecar was killed or stood still for a second. What the cache does not tell is not believed anyway.
    /// </summary>
    /// <param name="newest">The newest record known.</param>
    /// <param name="reachable">The cache has just answered.</param>
    /// <param name="cancel">Ends the question.</param>
    public async Task<bool> EndedElsewhereAsync(SessionRecord? newest, bool reachable, CancellationToken cancel) =>
        reachable && newest?.TombstoneEntry is { } entry && await HasEntryAsync(entry, cancel) is true;

    /// <summary>As <see cref="EndedElsewhereAsync"/>: it saved the session, past this record.</summary>
    /// <param name="newest">The newest record known.</param>
    /// <param name="reachable">The cache has just answered.</param>
    /// <param name="cancel">Ends the question.</param>
    public async Task<bool> SavedElsewhereAsync(SessionRecord? newest, bool reachable, CancellationToken cancel) =>
        reachable && newest is { Deleted: false, Clean: false, SavedEntry: { } entry } && await HasEntryAsync(entry, cancel) is true;

    /// <summary>
    /// Such a word is older than the first record of an outage, which was made from the row. It may stay: it expires soon, and the row is
    /// asked before it is believed.
    /// </summary>
    public Task ForgetSavedAsync(string entry, CancellationToken cancel) => TryAsync(cache => cache.DeleteEntryAsync(entry, cancel));

    /// <summary>Tells apps and engines of a logout. The engine's entry goes again, and must go, when the tombstone is replayed: here it may fail.</summary>
    public Task ForgetEntriesAsync(DeleteRequest request, CancellationToken cancel) => TryAsync(async cache =>
    {
        if (request.TombstoneEntry is { } tombstone)
        {
            await cache.SetTombstoneEntryAsync(tombstone, request.Expires!.Value.ToUniversalTime(), cancel);
        }

        if (request.CacheEntry is { } entry)
        {
            await cache.DeleteEntryAsync(entry, cancel);
        }
    });

    /// <summary>What is in the cache and neither ours nor in the database is another pod's.</summary>
    public void Meet(SessionRecord? own, SessionRecord? held)
    {
        if (held is { Clean: false } && held.Version > (own?.Version ?? 0) && !mode.State.Accompanied)
        {
            mode.Met();
        }
    }

    private async Task TryAsync(Func<RecordCache, Task> work)
    {
        if (backends.Current?.Cache is not { } cache)
        {
            return;
        }

        try
        {
            await work(cache);
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
        }
    }

    private void Remember(string key, SessionRecord? held)
    {
        if (mode.State.Unaccompanied || held is null)
        {
            return;
        }

        var data = backends.Current!.App.Store!.DataColumn;
        lock (_lock)
        {
            if (!_seen.ContainsKey(key))
            {
                _order.Enqueue(key);
                if (_order.Count > MostSeen)
                {
                    _seen.Remove(_order.Dequeue());
                }
            }

            _seen[key] = held with { Columns = null, Lineage = SessionChange.Extend(held, data) };
        }
    }
}
