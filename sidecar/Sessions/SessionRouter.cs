using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>
/// Carries out session operations in fallback: the shared cache orders the writes of all pods, the journal makes them
/// durable, and while draining the database gets them before they are acknowledged.
/// </summary>
internal sealed class SessionRouter(
    ModeController mode, SessionJournal journal, Backends backends, Replayer replayer, RecoveredRecords recovered, CacheCanary canary,
    SharedRecords shared, PodsInNormal beside, KeyLocks locks)
{
    private static readonly TimeSpan WriteThroughWait = TimeSpan.FromMilliseconds(1200);

    public async Task<Answer> LoadAsync(string key, CancellationToken cancel) => (await LookAsync(key, cancel)).Answer;

    private async Task<(Answer Answer, SessionRecord? Newest)> LookAsync(string key, CancellationToken cancel)
    {
        var own = await recovered.CheckedAsync(key, cancel);
        var (held, reachable) = await shared.ReadAsync(key, cancel);
        var newest = SessionRecord.Newest(own, held?.Record);
        if (newest is { Deleted: true } || await shared.EndedElsewhereAsync(newest, reachable, cancel))
        {
            return (Answer.Deleted, newest);
        }

        if (await shared.SavedElsewhereAsync(newest, reachable, cancel))
        {
            switch (await recovered.SupersededAsync(newest!, cancel))
            {
                case null:
                    return (Answer.Unreadable, newest);
                case true:
                    return (Answer.None, newest);
            }
        }
        else if (beside.Doubts(newest))
        {
            switch ((await beside.AskAsync(newest!, cancel)).Word)
            {
                case RowWord.Passed:
                    return (Answer.None, newest);
                case RowWord.Ended:
                    await EndAsync(newest!, cancel);
                    return (Answer.Deleted, newest);
            }
        }

        // Our own record may be older than what another pod holds, and the user may have logged out there; not one made since the loss.
        if (!await BelievedAsync(reachable, cancel) && !(own is not null && newest == own && canary.Sole.Holds(key)))
        {
            return (Answer.Unreadable, newest);
        }

        return newest is { Clean: false }
            ? (new Answer("found") { Born = newest.Born, Version = newest.Version, Columns = newest.Columns, Expires = newest.Expires }, newest)
            : (Answer.None, newest);
    }

    /// <summary>The engine has nothing of the session in its cache either: whether its row can be read is found out if it is not known.</summary>
    public async Task<Answer> LoadEntryGoneAsync(string key, CancellationToken cancel)
    {
        var (answer, newest) = await LookAsync(key, cancel);
        return answer == Answer.None ? answer with { Readable = await recovered.FirstWordAsync(newest) } : answer;
    }

    /// <summary>
    /// The engine has found no row, in Normal: there is none of a session that was born in the fallback of another pod. Such a pod has
    /// met an outage of which we have not heard yet, so its fallback becomes ours.
    /// </summary>
    public async Task<Answer> LoadRowGoneAsync(string key, CancellationToken cancel)
    {
        var state = mode.State;
        if (state.OnlyPod || state.Fallback != Mode.Cache)
        {
            return Answer.None;
        }

        if (state.Mode == Mode.Normal)
        {
            if ((await shared.ReadAsync(key, cancel)).Held?.Record is not { Born: true, Deleted: false, Clean: false } born
                // The engine deletes its entry with a session it ends; where it keeps none the record must be of these days.
                || (born.CacheEntry is { } entry ? await shared.HasEntryAsync(entry, cancel) is not true : born.Epoch < state.Decision?.LastNormalEpoch))
            {
                return Answer.None;
            }

            mode.Join();
        }

        // A row that was there and is gone was ended.
        return await LoadAsync(key, cancel) is { Status: "found", Born: true } found ? found : Answer.None;
    }

    public async Task<Answer> SaveAsync(SaveRequest request, CancellationToken cancel)
    {
        var state = mode.State;
        if (state.Mode == Mode.Normal && !request.Keep)
        {
            return Answer.Normal;
        }

        if (state.Mode == Mode.SkipSave)
        {
            return Answer.Refused(state.WhySkipSave);
        }

        var backend = backends.Current ?? throw Backends.HelloExpected();
        var store = backend.App.Store!;
        if (state.Mode == Mode.Normal && request.Create)
        {
            return await DirectInsert.CreateAsync(request, backend, cancel);
        }

        using var _ = await locks.EnterAsync(request.Key!, cancel);
        var own = await recovered.CheckedAsync(request.Key!, cancel);
        var root = state.Mode == Mode.Normal ? await Replayer.RootAsync(request.Key!, backend, cancel) : null;
        SessionRecord next;
        bool degraded, first;
        var word = RowWord.Silent;
        for (var conflicts = 0; ; conflicts++)
        {
            var (held, reachable) = await shared.ReadAsync(request.Key!, cancel);
            // Of a new session no other pod can know anything.
            var believed = request.Create || state.Mode == Mode.Normal ? reachable : await BelievedAsync(reachable, cancel);
            shared.Meet(own, held?.Record);
            var newest = SessionRecord.Newest(own, held?.Record);
            newest = believed ? newest : SessionRecord.Newest(newest, shared.LastSeen(request.Key!));
            if (newest is { Deleted: true } || await shared.EndedElsewhereAsync(newest, reachable, cancel))
            {
                return Answer.Deleted;
            }

            if (await shared.SavedElsewhereAsync(newest, reachable, cancel))
            {
                switch (await recovered.SupersededAsync(newest!, cancel))
                {
                    case null:
                        return Answer.Refused("the session was saved past its record, and the row cannot be read");
                    case true when conflicts < SharedRecords.MostConflicts:
                        own = journal.Get(request.Key!);
                        continue;
                }
            }
            else if (beside.Doubts(newest))
            {
                (word, var row) = await beside.AskAsync(newest!, cancel);
                switch (word)
                {
                    case RowWord.Ended:
                        await EndAsync(newest!, cancel);
                        return Answer.Deleted;
                    case RowWord.Passed when row is null:
                        return Answer.Deleted;
                    case RowWord.Passed when conflicts < SharedRecords.MostConflicts:
                        (own, root) = (journal.Get(request.Key!), Fingerprints.Of(row));
                        continue;
                }
            }
            else if (newest is not { Clean: false } && request is { SavedEntry: { } saved, Create: false })
            {
                await shared.ForgetSavedAsync(saved, cancel);
            }

            // Of two requests the one that saves last counts, also where the other was a pod's in Normal.
            if (newest is not { Clean: false } && root is null && request is { Create: false, Change: "state" } && beside.MayBe)
            {
                root = await beside.RowAsync(request.Key!) is ({ } row, _) ? Fingerprints.Of(row) : null;
            }

            if (request.Create && newest is not null)
            {
                return Answer.Exists;
            }

            // Loaded before a logout that the database still took, saved after the database went away: nothing else tells of that logout.
            if (newest is null && request is { EntryGone: true, Create: false, Keep: false } && believed && reachable)
            {
                var there = await recovered.ReadableAsync(again: true) ? await Replayer.RowIsThereAsync(request.Key!, backend, cancel) : null;
                if (there is not true)
                {
                    return there is false ? Answer.Deleted
                        : Answer.Refused("the engine's cache entry is gone and the row cannot be read, so the session may have been logged out meanwhile");
                }
            }

            if (!believed && request.Change == "optional" && !mode.State.Unaccompanied && !canary.Sole.Holds(request.Key!))
            {
                return Answer.Refused("the shared cache does not tell whether another pod has changed the session");
            }

            var apart = beside.MayBe || (newest is { Clean: false } && beside.MayHavePassed(newest) && word != RowWord.Stands);
            next = SessionChange.Next(newest, request, store.DataColumn, store.ExpiryColumn, state.Decision?.Epoch ?? 0, apart);
            next = root is null ? next : next with { Base = root, Lineage = null };
            next = believed && reachable ? next : OrderedByTheClock(next);
            (degraded, first) = (!reachable, newest is null);
            if (degraded)
            {
                break;
            }

            var won = await shared.WriteAsync(next, held?.Token, cancel);
            if (won is null)
            {
                (next, degraded) = (OrderedByTheClock(next), true);
                break;
            }

            if (won is true)
            {
                break;
            }

            if (conflicts == SharedRecords.MostConflicts)
            {
                return Answer.Refused("too many writers of one session");
            }
        }

        // Made in Normal, every pod may have written the session's row since.
        await journal.PutAsync(next, durable: next.Dirty && request.Change != "optional", state.Mode == Mode.Normal ? Fence.Passed : Fence.Whole);
        if (degraded)
        {
            canary.Missed(next.Key, request.Create);
        }
        else if ((first || request.RowUnsure) && request is { EntrySeen: true, CacheEntry: { } entry } && await EndedBesideAsync(next, entry, backend, cancel))
        {
            return Answer.Deleted;
        }

        if (mode.State.Mode == Mode.Drain && replayer.Allowed())
        {
            await replayer.WriteThroughAsync(next.Key, next.Version, own is not { Clean: false }, request.Create, WriteThroughWait);
        }

        // Kept, or overtaken by the recovery.
        if (mode.State.Mode == Mode.Normal)
        {
            replayer.Wake();
            if (!request.Keep)
            {
                return request.Create ? await DirectInsert.OvertakenAsync(next, backend, cancel) : Answer.Normal;
            }
        }

        return new Answer("saved") { Version = next.Version, Degraded = degraded };
    }

    // A logout in Normal and the first record of the session in a fallback do not see each other's row and record. But the logout
    // deletes the engine's entry, and the record is known to all by now: what is looked at last tells.
    private async Task<bool> EndedBesideAsync(SessionRecord record, string entry, Backend backend, CancellationToken cancel)
    {
        if (await shared.HasEntryAsync(entry, cancel) is not false || !await canary.CountsAsync(cancel)
            || (await recovered.ReadableAsync(again: true) && await Replayer.RowIsThereAsync(record.Key, backend, cancel) is true))
        {
            return false;
        }

        await EndAsync(record, cancel);
        return true;
    }

    private async Task EndAsync(SessionRecord record, CancellationToken cancel)
    {
        var tombstone = record.Ended();
        await journal.PutAsync(tombstone, durable: true);
        await shared.PublishAsync(tombstone, cancel);
    }

    public async Task<Answer> KeepRowAsync(RowRequest request)
    {
        if (mode.State.Mode == Mode.Normal)
        {
            return Answer.Normal;
        }

        if ((backends.Current ?? throw Backends.HelloExpected()).Rows is null)
        {
            return Answer.Refused("the sidecar does not speak the app's database");
        }

        await journal.PutAsync(new RowUpdate
        {
            Table = request.Table!,
            KeyColumn = request.KeyColumn!,
            Key = request.Key,
            Columns = request.Columns!,
            Version = DateTime.UtcNow.Ticks,
        });
        replayer.Wake();
        return Answer.Kept;
    }

    // Looked at after the cache was read: one that was emptied before says so now. An only pod needs no cache at all.
    private async Task<bool> BelievedAsync(bool reachable, CancellationToken cancel) =>
        mode.State.Unaccompanied || (await canary.CountsAsync(cancel) && reachable);

    // Where the cache cannot count the writes of all pods, clocks have to do.
    private SessionRecord OrderedByTheClock(SessionRecord record) =>
        mode.State.Unaccompanied ? record : record with { Version = Math.Max(record.Version, DateTime.UtcNow.Ticks) };
}
