using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>
/// Before a record that was read from disk is served or built upon: while this sidecar was away, the app worked alone with its
/// database and cache, and may have saved or ended the session there. What the database can tell is asked once a record.
/// </summary>
internal sealed class RecoveredRecords(ModeController mode, SessionJournal journal, Backends backends, Prober prober, ILogger log)
{
    private static readonly TimeSpan FirstProbeWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BetweenVainQuestions = TimeSpan.FromSeconds(1);

    private TimeSpan _askedInVain = -BetweenVainQuestions;

    /// <summary>The journal's record of a session, unless the session went on without us; null then, and if there is none.</summary>
    public async Task<SessionRecord?> CheckedAsync(string key, CancellationToken cancel)
    {
        var own = journal.Get(key);
        if (own is not { Deleted: false, Clean: false } || journal.FenceOf(key) == Fence.Whole || backends.Current is not { Rows: not null } backend)
        {
            return own;
        }

        if (await EndedAsync(own, backend, cancel))
        {
            var tombstone = own.Ended();
            await journal.PutAsync(tombstone, durable: true);
            return tombstone;
        }

        return await ReadableAsync(again: false) ? await AgainstRowAsync(own, cancel) : own;
    }

    /// <summary>
    /// The shared cache lost what told which record is the newest: another pod may have brought a newer one to the database and
    /// forgotten it. Drops those of ours of which the row says so. Where no pod can have, a row that is none of a record's states is that of
    /// two requests at a time before the outage, of which one was the last in the database and the other in the engine's cache.
    /// </summary>
    public async Task DoubtAllAsync(CancellationToken cancel)
    {
        var state = mode.State;
        var records = journal.DoubtAll(record => state.RowsStandSince(record.Epoch));
        if (state.Readable)
        {
            await Parallel.ForEachAsync(records, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel },
                async (record, token) => await CheckedAsync(record.Key, token));
        }
    }

    // The app leaves this entry when it ends a session while its sidecar is down.
    private async Task<bool> EndedAsync(SessionRecord own, Backend backend, CancellationToken cancel)
    {
        if (own.TombstoneEntry is not { } entry || backend.Cache is not { } cache)
        {
            return false;
        }

        try
        {
            return await cache.HasEntryAsync(entry, cancel);
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return false;
        }
    }

    /// <summary>
    /// For a session that is neither here nor in the engine's cache: whether rows can be read, which in a fallback that has just begun
    /// nobody knows yet; and what another pod replayed in this outage says that they can by now. Ends when a probe has told, or soon.
    /// </summary>
    /// <param name="replayed">What the replay left of the session's record; null if there is none.</param>
    public async Task<bool> FirstWordAsync(SessionRecord? replayed)
    {
        var state = mode.State;
        if (state.Readable)
        {
            return true;
        }

        var first = !(prober.Last?.At > mode.NormalUntil);
        // The database may be gone again, and its probes last: then not everybody waits for them.
        var news = replayed?.Epoch >= (state.Decision?.LastNormalEpoch ?? 0) && ModeController.Now - _askedInVain > BetweenVainQuestions;
        if ((first || news) && await prober.AskAsync(FirstProbeWait) is not { Readable: true } && !first)
        {
            _askedInVain = ModeController.Now;
        }

        return mode.State.Readable;
    }

    /// <summary>Whether rows can be read, as far as a probe has told; <paramref name="again"/>: one that says not is made anew.</summary>
    public async Task<bool> ReadableAsync(bool again)
    {
        // A probe's own word counts: what an app reported since it was under way may have overwritten what it told the mode.
        return mode.State.Readable
            || ((again || prober.Last is null) && await prober.AskAsync(FirstProbeWait) is { Readable: true })
            || mode.State.Readable;
    }

    /// <summary>Whether a session write commits at this moment.</summary>
    public async Task<bool> WritableAsync() =>
        await prober.AskAsync(FirstProbeWait) is { Verdict: Protocol.Fleet.Evidence.Types.Verdict.Writable };

    /// <summary>
    /// Looks at the row of a session that an app without a sidecar has saved. True: the row counts, and the record is forgotten; false:
    /// the row is a state of the record's; null: it cannot be read.
    /// </summary>
    public async Task<bool?> SupersededAsync(SessionRecord record, CancellationToken cancel)
    {
        if (backends.Current is not { Rows: not null } backend)
        {
            return null;
        }

        var (row, answered) = await Replayer.RowAsync(record.Key, backend, cancel);
        return answered ? await ForgottenAsync(record, row, backend, cancel) : null;
    }

    /// <summary>Whether the session went on, or ended, in its row past the record, which is forgotten then.</summary>
    public async Task<bool> ForgottenAsync(SessionRecord record, string? row, Backend backend, CancellationToken cancel)
    {
        if (row is null ? record.Born : !ReplayDecision.Superseded(record, row, backend.App.Store!.DataColumn))
        {
            return false; // a row that was never inserted, or one that is as we left it: replay decides
        }

        var drop = row is null ? DropReason.RowGone : DropReason.Superseded;
        SidecarMetrics.Dropped.WithLabels(drop.ToString().ToLowerInvariant()).Inc();
        log.RecordDropped(drop.ToString());
        await ForgetInCacheAsync(record, backend, cancel);
        await journal.DoneAsync(record);
        return true;
    }

    // Nobody could have saved past us in a database that does not answer.
    private async Task<SessionRecord?> AgainstRowAsync(SessionRecord own, CancellationToken cancel) =>
        await SupersededAsync(own, cancel) is true ? null : own;

    private async Task ForgetInCacheAsync(SessionRecord own, Backend backend, CancellationToken cancel)
    {
        if (backend.Cache is not { } cache)
        {
            return;
        }

        try
        {
            if (await cache.GetAsync(own.Key, cancel) is { Record: { Deleted: false, Clean: false } } held)
            {
                // One version on: the pod that made the record has it in its journal, and must see that it is over.
                var over = own with { Version = own.Version + 1, Clean = true, Columns = null, Lineage = null, Base = null };
                // A newer one, which a sidecar that was killed may have left in the cache alone, is not: the word is there for it, too.
                if (held.Record.Version > own.Version || !await cache.ReplaceAsync(over, held.Token, cancel))
                {
                    return;
                }
            }

            if (own.SavedEntry is { } saved)
            {
                await cache.DeleteEntryAsync(saved, cancel);
            }
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
        }
    }
}
