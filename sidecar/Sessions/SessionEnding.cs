using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>Ends sessions in fallback: a tombstone that is durable and that every pod sees, or a refusal.</summary>
internal sealed class SessionEnding(
    ModeController mode, SessionJournal journal, Backends backends, Replayer replayer, RecoveredRecords recovered, CacheCanary canary,
    SharedRecords shared, KeyLocks locks)
{
    private const string NotShared = "the shared cache did not take the tombstone, so other pods could not see the logout";
    private const string NotSettled = "not every pod of the app is known to be in fallback yet, so a logout could be undone; try again shortly";

    // An adapter waits for two seconds in all.
    private static readonly TimeSpan WriteThroughOfLogout = TimeSpan.FromMilliseconds(600);
    private static readonly TimeSpan SettleWait = TimeSpan.FromMilliseconds(1000);

    public async Task<Answer> DeleteAsync(DeleteRequest request, CancellationToken cancel)
    {
        // Until every pod obeys the fallback, another one could serve the session from the database: a logout waits for that.
        var visible = request.RowGone || await mode.UntilAsync(s => s.Settled || s.OnlyPod || s.Mode == Mode.Normal, SettleWait);
        var state = mode.State;
        switch (state.Mode)
        {
            case Mode.Normal:
                return request.RowGone && state.Unattended ? await NoteAsync(request, state, cancel) : Answer.Normal;
            case Mode.SkipSave:
                return Answer.Refused(state.WhySkipSave);
        }

        var backend = backends.Current ?? throw Backends.HelloExpected();
        var rowGone = request.RowGone;
        if (!visible)
        {
            // The cache first: a row that was deleted cannot be brought back when the tombstone is refused.
            if (MustBeShared(request) && !(await shared.ReadAsync(request.Key!, cancel)).Reachable)
            {
                return Answer.Refused(NotShared);
            }

            // Not a word to a server that may carry it out when nobody waits for it any more.
            if (!await recovered.WritableAsync())
            {
                return Answer.Refused(NotSettled);
            }

            if (!await Replayer.TryDeleteRowAsync(request.Key!, backend, cancel))
            {
                return Answer.Unconfirmed(NotSettled);
            }

            rowGone = true;
        }

        using var _ = await locks.EnterAsync(request.Key!, cancel);
        var own = await recovered.CheckedAsync(request.Key!, cancel);
        for (var conflicts = 0; ; conflicts++)
        {
            var (held, reachable) = await shared.ReadAsync(request.Key!, cancel);
            shared.Meet(own, held?.Record);
            var newest = SessionRecord.Newest(own, held?.Record);
            if (newest is not { Deleted: true } || own is not { Deleted: true })
            {
                var tombstone = Tombstone(request, newest, state);
                var won = newest is { Deleted: true } ? true : reachable ? await shared.WriteAsync(tombstone, held?.Token, cancel) : null;
                if (won is false && conflicts < SharedRecords.MostConflicts)
                {
                    continue;
                }

                if (won is not true && !rowGone && MustBeShared(request))
                {
                    // A cache that took it and died of it may have shown it to another pod before.
                    return won is null && reachable ? Answer.Unconfirmed(NotShared) : Answer.Refused(NotShared);
                }

                await journal.PutAsync(tombstone, durable: true);
                if (won is not true)
                {
                    canary.Missed(tombstone.Key, created: false);
                }
            }

            break;
        }

        await shared.ForgetEntriesAsync(request, cancel);
        if (mode.State.Mode == Mode.Drain && replayer.Allowed())
        {
            await replayer.WriteThroughAsync(request.Key!, long.MaxValue, own is not { Clean: false }, false, WriteThroughOfLogout);
        }

        // A pod in Normal looks at the row alone.
        return mode.State.Mode == Mode.Normal && journal.Get(request.Key!) is not { Clean: true } ? Answer.Normal : Answer.Deleted;
    }

    // Another pod may serve the session.
    private bool MustBeShared(DeleteRequest request) => !mode.State.Unaccompanied && !canary.Sole.Born(request.Key!);

    // The engine has ended it in Normal, without an operator: a pod that fell back without our knowledge, and has a record of the
    // session, must be able to know.
    private async Task<Answer> NoteAsync(DeleteRequest request, LocalMode state, CancellationToken cancel)
    {
        using var _ = await locks.EnterAsync(request.Key!, cancel);
        var own = journal.Get(request.Key!);
        SessionRecord tombstone;
        bool? won;
        var conflicts = 0;
        do
        {
            var (held, reachable) = await shared.ReadAsync(request.Key!, cancel);
            tombstone = Tombstone(request, SessionRecord.Newest(own, held?.Record), state) with { Clean = true };
            won = reachable ? await shared.WriteAsync(tombstone, held?.Token, cancel) : null;
        }
        while (won is false && conflicts++ < SharedRecords.MostConflicts);
        await journal.PutAsync(tombstone, durable: true);
        if (won is not true)
        {
            canary.Missed(tombstone.Key, created: false);
        }

        await shared.ForgetEntriesAsync(request, cancel);
        return Answer.Deleted;
    }

    private static SessionRecord Tombstone(DeleteRequest request, SessionRecord? newest, LocalMode state) => new()
    {
        Key = request.Key!,
        Version = (newest?.Version ?? 0) + 1,
        Deleted = true,
        Expires = request.Expires!.Value.ToUniversalTime(),
        Epoch = state.Decision?.Epoch ?? 0,
        CacheEntry = request.CacheEntry ?? newest?.CacheEntry,
        TombstoneEntry = request.TombstoneEntry ?? newest?.TombstoneEntry,
    };
}
