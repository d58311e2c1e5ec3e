using System.Collections.Concurrent;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>Brings the database up to date from the journal: deletes first, writes second, in batches, rate-limited.</summary>
internal sealed class Replayer(ModeController mode, SessionJournal journal, Backends backends, ILogger log)
{
    private const int BatchSize = 500;
    private const double RowsPerSecondOfTheFleet = 5000;
    private static readonly TimeSpan SettleWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan NothingToDo = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Waiter> _waiting = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _refused = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _stale = new(journal.AllRecords()
        .Where(r => r is { Deleted: true, Clean: true, CacheEntry: not null }).Select(r => r.CacheEntry!));
    private readonly WakeSignal _wake = new();
    private TimeSpan? _drainingSince;

    /// <summary>Acknowledged changes the database has not seen; saves that still wait for the database are not acknowledged.</summary>
    public long Unsaved => Math.Max(0, journal.Pending - _waiting.Values.Count(w => w.Fresh));

    /// <summary>Whether the shared cache can be believed (see <see cref="CacheCanary"/>, which needs us, too).</summary>
    public Func<CancellationToken, Task<bool>> CacheCounts { get; set; } = _ => Task.FromResult(true);

    /// <summary>Whether the shared cache was emptied in this fallback (likewise).</summary>
    public Func<bool> EntriesLost { get; set; } = () => false;

    /// <summary>Look at the journal now.</summary>
    public void Wake() => _wake.Set();

    /// <summary>
    /// While draining: has a record written before it is acknowledged. Ends without it after <paramref name="wait"/>,
    /// for the journal holds it and the drain goes on.
    /// </summary>
    /// <param name="key">The session.</param>
    /// <param name="version">The record's.</param>
    /// <param name="fresh">Nothing that was acknowledged before is unsaved of this session.</param>
    /// <param name="unheard">A session that is just being created: nobody can have ended it.</param>
    /// <param name="wait">The longest a save waits.</param>
    public async Task WriteThroughAsync(string key, long version, bool fresh, bool unheard, TimeSpan wait)
    {
        var waiter = _waiting.AddOrUpdate(key, _ => new Waiter(1, fresh, unheard), (_, w) => w with { Count = w.Count + 1, Fresh = w.Fresh && fresh });
        try
        {
            Wake();
            var deadline = Task.Delay(wait);
            while (journal.Get(key) is { Clean: false } record && record.Version <= version)
            {
                if (await Task.WhenAny(waiter.Signal, deadline) == deadline)
                {
                    return;
                }

                waiter = _waiting.GetValueOrDefault(key) ?? waiter;
            }
        }
        finally
        {
            _waiting.AddOrUpdate(key, _ => new Waiter(0, fresh, unheard), (_, w) => w with { Count = w.Count - 1 });
            if (_waiting.TryGetValue(key, out var left) && left.Count <= 0)
            {
                _waiting.TryRemove(new KeyValuePair<string, Waiter>(key, left));
            }
        }
    }

    /// <summary>
    /// The row as it is now, in which a record that is kept although the mode is Normal is rooted: only onto that row is it
    /// replayed. Null if there is none or it cannot be read: what the adapter said of the row it loaded stands.
    /// </summary>
    public static async Task<Fingerprint?> RootAsync(string key, Backend backend, CancellationToken cancel) =>
        (await RowAsync(key, backend, cancel)).Data is { } data ? Fingerprints.Of(data) : null;

    /// <summary>Whether there is a row; null if it cannot be read.</summary>
    public static async Task<bool?> RowIsThereAsync(string key, Backend backend, CancellationToken cancel) =>
        await RowAsync(key, backend, cancel) is (var data, true) ? data is not null : null;

    /// <summary>The data of a session's row, null if there is none, and whether the database answered.</summary>
    public static async Task<(string? Data, bool Answered)> RowAsync(string key, Backend backend, CancellationToken cancel)
    {
        try
        {
            return ((await backend.Rows!.ReadAsync([key], cancel)).GetValueOrDefault(key), true);
        }
        catch (RowStoreException)
        {
            return (null, false);
        }
    }

    /// <summary>Tries to delete a row now, for a logout no other pod may know of.</summary>
    public static async Task<bool> TryDeleteRowAsync(string key, Backend backend, CancellationToken cancel)
    {
        try
        {
            await backend.Rows!.DeleteAsync([key], cancel);
            return true;
        }
        catch (RowStoreException)
        {
            return false;
        }
    }

    /// <summary>Makes every record of the journal known to all pods; done before the drain is acked. False if the cache did not take all.</summary>
    public async Task<bool> PublishAsync(CancellationToken cancel)
    {
        if (backends.Current?.Cache is not { } cache)
        {
            return true;
        }

        try
        {
            await Parallel.ForEachAsync(journal.AllRecords(), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel },
                async (record, token) => await cache.PublishAsync(record, token));
            return true;
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return false;
        }
    }

    /// <summary>Replays whenever it may, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        mode.StateChanged += Wake;
        while (!cancel.IsCancellationRequested)
        {
            var pause = journal.Pending == 0 && _stale.IsEmpty ? NothingToDo : Idle;
            if (journal.Pending > 0 && Allowed() && backends.Current is { Rows: not null } backend)
            {
                try
                {
                    var done = await new ReplayBatch(mode, journal, backend, CacheCounts, IsUnheard, EntriesLost(), _refused, _stale, log).RunAsync([.. _waiting.Keys], BatchSize, cancel);
                    var share = RowsPerSecondOfTheFleet / Math.Max(1, mode.State.Decision?.Fleet ?? 1);
                    pause = done == 0 ? Idle : TimeSpan.FromSeconds(Math.Min(1, done / share));
                }
                catch (RowStoreException e)
                {
                    SidecarMetrics.ReplayErrors.Inc();
                    log.ReplayFailed(e.Message);
                }
                catch (CacheUnavailableException e)
                {
                    log.CacheUnavailable(e.Message);
                }
                catch (JournalException e)
                {
                    log.ReplayFailed(e.Message);
                }

                foreach (var key in _waiting.Keys)
                {
                    Signal(key);
                }
            }

            await DropStaleEntriesAsync(cancel);
            await _wake.WaitAsync(pause, cancel);
        }
    }

    // Entries of the engine's that hold a replayed session's old state, from while the cache did not answer.
    private async Task DropStaleEntriesAsync(CancellationToken cancel)
    {
        for (var n = 0; n < BatchSize && backends.Current?.Cache is { } cache && _stale.TryPeek(out var entry); n++)
        {
            try
            {
                await cache.DeleteEntryAsync(entry, cancel);
                _stale.TryDequeue(out _);
            }
            catch (CacheUnavailableException)
            {
                return; // tried again at the next round
            }
        }
    }

    private bool IsUnheard(string key) => _waiting.TryGetValue(key, out var waiter) && waiter is { Unheard: true, Count: > 0 };

    private void Signal(string key)
    {
        if (_waiting.TryGetValue(key, out var waiter))
        {
            _waiting.TryUpdate(key, new Waiter(waiter.Count, waiter.Fresh, waiter.Unheard), waiter);
            waiter.Release();
        }
    }

    /// <summary>Draining: once all pods have published their journals, or do not in time. Normal: what an ended drain left over.</summary>
    public bool Allowed()
    {
        var state = mode.State;
        if (!state.Draining)
        {
            _drainingSince = null;
            return state.Mode == Mode.Normal;
        }

        _drainingSince ??= ModeController.Now;
        return state.Settled || state.OnlyPod || state.Autonomous || ModeController.Now - _drainingSince > SettleWait;
    }

    private sealed record Waiter(int Count, bool Fresh, bool Unheard)
    {
        private readonly TaskCompletionSource _signal = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Signal => _signal.Task;

        public void Release() => _signal.TrySetResult();
    }
}
