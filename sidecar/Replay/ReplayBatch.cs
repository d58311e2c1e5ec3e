using System.Collections.Concurrent;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>One round of replay: a bounded number of records, tombstones before writes.</summary>
internal sealed class ReplayBatch(
    ModeController mode, SessionJournal journal, Backend backend, Func<CancellationToken, Task<bool>> cacheCounts, Predicate<string> unheard, bool entriesLost,
    ConcurrentDictionary<string, long> refused, ConcurrentQueue<string> stale, ILogger log)
{
    private readonly IRowStore _rows = backend.Rows!;
    private readonly string _dataColumn = backend.App.Store!.DataColumn;

    /// <summary>Replays up to <paramref name="limit"/> records, <paramref name="first"/> before all others; says how many were settled.</summary>
    /// <exception cref="RowStoreException">The database cannot be written.</exception>
    /// <exception cref="CacheUnavailableException">The cache had to be asked and did not answer.</exception>
    public async Task<int> RunAsync(IReadOnlyCollection<string> first, int limit, CancellationToken cancel)
    {
        var own = journal.PendingRecords(limit, first);
        // The rows before the cache: who has written a row by now has told the cache before, and who writes it later is met by
        // the compare-and-swap. The other way round a state that another pod wrote in between would be overwritten.
        var rows = own.Count == 0 ? [] : await _rows.ReadAsync([.. own.Select(r => r.Key)], cancel);
        var newest = await ResolveAsync(own, cancel);
        newest.RemoveAll(p => !p.Newest.Deleted && Refused(p.Newest.Key, p.Newest.Version));
        var settled = await DeleteAsync(newest.Where(p => p.Newest.Deleted).ToList(), cancel);
        // Another pod has brought this or a newer state to the database.
        var done = newest.Where(p => p.Newest is { Deleted: false, Clean: true }).Select(p => p.Own).ToList();
        await Task.WhenAll(done.Select(journal.DoneAsync));
        settled += done.Count;
        settled += await WriteAsync(newest.Where(p => p.Newest is { Deleted: false, Clean: false }).ToList(), rows, cancel);
        foreach (var row in journal.PendingRows().Take(limit))
        {
            settled += await UpdateRowAsync(row, cancel) ? 1 : 0;
        }

        return settled;
    }

    private async Task<List<Pending>> ResolveAsync(List<SessionRecord> own, CancellationToken cancel)
    {
        var resolved = new Pending[own.Count];
        await Parallel.ForEachAsync(Enumerable.Range(0, own.Count), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel },
            async (i, token) => resolved[i] = await NewestAsync(own[i], token));
        // Looked at last: a cache that was emptied before one of the answers above says so now.
        var counts = await cacheCounts(cancel);
        return [.. resolved.Select(p => p with { Asked = p.Asked && counts })];
    }

    private async Task<Pending> NewestAsync(SessionRecord own, CancellationToken cancel)
    {
        if (own.Deleted || backend.Cache is not { } cache)
        {
            return new Pending(own, own, false, true);
        }

        try
        {
            var held = (await cache.GetAsync(own.Key, cancel))?.Record;
            // An app that was alone with its database, because its sidecar was down or stood still, left word of a logout there.
            if (held is not { Deleted: true } && own.TombstoneEntry is { } entry && await cache.HasEntryAsync(entry, cancel))
            {
                return new Pending(own, own with { Deleted = true }, false, true);
            }

            // A pod in Normal knows nothing of the record, but its engine deletes its own entry with a session it ends.
            var confirmed = held is { Deleted: false, Clean: false }
                && (!own.Born || own.CacheEntry is null || await cache.HasEntryAsync(own.CacheEntry, cancel));
            // Nor does an app that is alone, but it leaves word that its engine saves the session.
            var passed = own.SavedEntry is { } saved && await cache.HasEntryAsync(saved, cancel);
            return new Pending(own, SessionRecord.Newest(held, own)!, confirmed, true, passed);
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return new Pending(own, own, false, false);
        }
    }

    private async Task<int> DeleteAsync(List<Pending> tombstones, CancellationToken cancel)
    {
        if (tombstones.Count == 0)
        {
            return 0;
        }

        await _rows.DeleteAsync([.. tombstones.Select(t => t.Own.Key)], cancel);
        var answers = true;
        foreach (var (own, newest, _, _, _) in tombstones)
        {
            var entry = newest.CacheEntry ?? own.CacheEntry;
            try
            {
                await DropEntryAsync(answers ? entry : null, cancel);
            }
            catch (CacheUnavailableException e)
            {
                // One logout must not hold up what all others saved: the entry goes when the cache answers, after a restart too.
                log.CacheUnavailable(e.Message);
                answers = false;
            }

            if (!answers && entry is not null)
            {
                stale.Enqueue(entry);
            }

            // Kept, marked as done: it still wins over what other pods may bring.
            await journal.PutAsync(newest with
            {
                Clean = true,
                Version = Math.Max(newest.Version, own.Version),
                Columns = null,
                CacheEntry = entry,
            }, durable: false);
            SidecarMetrics.Replayed.WithLabels("delete").Inc();
        }

        return tombstones.Count;
    }

    private async Task<int> WriteAsync(List<Pending> pending, Dictionary<string, string> rows, CancellationToken cancel)
    {
        if (pending.Count == 0)
        {
            return 0;
        }

        pending = pending.FindAll(p => p.Asked || Certain(p, rows.GetValueOrDefault(p.Own.Key)));
        var plan = pending.ConvertAll(p =>
        {
            var (action, drop) = ReplayDecision.Decide(p.Newest, rows.GetValueOrDefault(p.Own.Key), _dataColumn, Fenced(p.Own) && !p.Passed && !p.Newest.MayBePassed(mode.State.AnsweredApart, p.Own.Version), Insertable(p.Own, p.Confirmed));
            return (p.Own, p.Newest, Change: new RowChange(p.Newest, action, rows.GetValueOrDefault(p.Own.Key)), Drop: drop);
        });
        var changing = plan.Where(p => p.Change.Action != RowAction.None).ToList();
        var changed = await ApplyAsync(changing.ConvertAll(p => p.Change), cancel);
        var settled = 0;
        for (var i = 0; i < changing.Count; i++)
        {
            // A row that moved under us is read again in the next round.
            if (changed[i] is { } wrote && (wrote || changing[i].Change.Action == RowAction.MoveExpiry))
            {
                var inserted = wrote && changing[i].Change.Action == RowAction.Insert;
                if (await FinishAsync(changing[i].Own, changing[i].Newest, inserted, cancel))
                {
                    SidecarMetrics.Replayed.WithLabels(changing[i].Change.Action.ToString().ToLowerInvariant()).Inc();
                    settled++;
                }
            }
        }

        foreach (var dropped in plan.Where(p => p.Change.Action == RowAction.None))
        {
            await FinishAsync(dropped.Own, dropped.Newest, inserted: false, cancel);
            SidecarMetrics.Dropped.WithLabels(dropped.Drop.ToString().ToLowerInvariant()).Inc();
            log.RecordDropped(dropped.Drop.ToString());
            settled++;
        }

        return settled;
    }

    /// <summary>True: a row changed; false: none did; null: the database refuses these values, and says so each time.</summary>
    private async Task<bool?[]> ApplyAsync(List<RowChange> changes, CancellationToken cancel)
    {
        if (changes.Count == 0)
        {
            return [];
        }

        try
        {
            return [.. (await _rows.ApplyAsync(changes, cancel)).Select(c => (bool?)c)];
        }
        catch (RowStoreException e) when (!e.Unavailable && changes.Count == 1)
        {
            // Kept in the journal and shown as unsaved: a person has to look, or a later change of the session replaces it.
            refused[changes[0].Record.Key] = changes[0].Record.Version;
            SidecarMetrics.Dropped.WithLabels("refused").Inc();
            log.RecordRefused(e.Message);
            return [null];
        }
        catch (RowStoreException e) when (!e.Unavailable)
        {
            var half = changes.Count / 2;
            return [.. await ApplyAsync(changes[..half], cancel), .. await ApplyAsync(changes[half..], cancel)];
        }
    }

    // Order matters: a load in between finds the record, then the row, and never the engine's old entry.
    // A logout puts its tombstone into the cache before it deletes the row: if that came between our look and our INSERT, it is seen now.
    private async Task<bool> FinishAsync(SessionRecord own, SessionRecord newest, bool inserted, CancellationToken cancel)
    {
        var ended = journal.Get(own.Key) is { Deleted: true };
        if (backend.Cache is { } cache)
        {
            try
            {
                if (newest.Dirty)
                {
                    await DropEntryAsync(newest.CacheEntry ?? own.CacheEntry, cancel);
                }

                var held = await cache.GetAsync(own.Key, cancel);
                ended |= held is { Record.Deleted: true };
                if (held is { } h && h.Record.Version == newest.Version && !h.Record.Deleted)
                {
                    await cache.ReplaceAsync(newest with { Clean = true, Columns = null, Lineage = null, Base = null }, h.Token, cancel);
                }
            }
            catch (CacheUnavailableException e)
            {
                // The row is right; what the cache may still hold of the old state goes when it answers again.
                log.CacheUnavailable(e.Message);
                if (newest.Dirty && (newest.CacheEntry ?? own.CacheEntry) is { } entry)
                {
                    stale.Enqueue(entry);
                }

                if (inserted && !ended && !mode.State.Unaccompanied && !unheard(own.Key))
                {
                    return false; // whether the session was ended meanwhile is asked again
                }
            }
        }

        if (inserted && ended)
        {
            await _rows.DeleteAsync([own.Key], cancel);
        }

        await journal.DoneAsync(own);
        return true;
    }

    private async Task DropEntryAsync(string? entry, CancellationToken cancel)
    {
        if (entry is not null && backend.Cache is { } cache)
        {
            await cache.DeleteEntryAsync(entry, cancel);
        }
    }

    private async Task<bool> UpdateRowAsync(RowUpdate row, CancellationToken cancel)
    {
        if (Refused(row.Identity, row.Version))
        {
            return false;
        }

        try
        {
            await _rows.UpdateAsync(row, cancel);
        }
        catch (RowStoreException e) when (!e.Unavailable)
        {
            refused[row.Identity] = row.Version;
            SidecarMetrics.Dropped.WithLabels("refused").Inc();
            log.RecordRefused(e.Message);
            return false;
        }

        await journal.DoneAsync(row);
        SidecarMetrics.Replayed.WithLabels("row").Inc();
        return true;
    }

    private bool Refused(string key, long version) => refused.TryGetValue(key, out var refusedVersion) && version <= refusedVersion;

    // What may be replayed although the shared cache does not tell what other pods hold. All else waits for it.
    private bool Certain(Pending pending, string? row) => row is null
        ? !pending.Newest.Born || unheard(pending.Own.Key) || (mode.State.Unaccompanied && journal.FenceOf(pending.Own.Key) == Fence.Whole)
        : mode.State.Unaccompanied || !pending.Newest.Dirty || !ReplayDecision.Superseded(pending.Newest, row, _dataColumn);

    // Nobody can have written this session past our knowledge: we never left, and no pod has been in Normal since.
    private bool Fenced(SessionRecord own) => journal.FenceOf(own.Key) == Fence.Whole && NoPodLeftSince(own);

    // Nobody can have ended a session of this outage past our knowledge. A restart alone is no doubt: a logout meanwhile
    // left its tombstone entry, which was looked for. Where another pod may have been in Normal, the shared record must still stand, and
    // the engine's entry, which says nothing in a cache that was emptied; but a pod in Normal without an operator leaves a tombstone.
    private bool Insertable(SessionRecord own, bool confirmed) =>
        unheard(own.Key) || journal.FenceOf(own.Key) switch
        {
            Fence.Whole => (NoPodLeftSince(own) && !(own.MayBePassed(mode.State.AnsweredApart, own.Version) && own.CacheEntry is not null && !entriesLost)) || confirmed,
            Fence.Restarted => NoPodLeftSince(own) || confirmed || mode.State is { Autonomous: true, Unattended: true },
            // This pod has been in Normal itself; of an engine without a cache entry nothing would tell.
            _ => confirmed && own.CacheEntry is not null,
        };

    private bool NoPodLeftSince(SessionRecord own)
    {
        var state = mode.State;
        return state.OnlyPod
            || (!state.Autonomous && state.Draining && state.Decision is { } decision && decision.LastNormalEpoch <= own.Epoch);
    }

    /// <param name="Own">The journal's record.</param>
    /// <param name="Newest">It, or the shared cache's if that is newer.</param>
    /// <param name="Confirmed">The shared cache holds a living, unsaved record of the session, and the engine has not ended it.</param>
    /// <param name="Asked">The shared cache was asked and has what it had: a newer state or a logout of another pod would be known.</param>
    /// <param name="Passed">An app without a sidecar has saved the session with its engine: the row may be newer.</param>
    private sealed record Pending(SessionRecord Own, SessionRecord Newest, bool Confirmed, bool Asked, bool Passed = false);
}
