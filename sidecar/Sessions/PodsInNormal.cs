using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>What the row says of a record.</summary>
internal enum RowWord
{
    /// <summary>The database did not answer, so nobody can have saved anything in it.</summary>
    Silent,

    /// <summary>The record is newer, or the same.</summary>
    Stands,

    /// <summary>A pod in Normal has saved the session since, or deleted its row; the record is forgotten.</summary>
    Passed,

    /// <summary>A pod in Normal has ended a session that has no row yet: with it the engine deletes its own entry.</summary>
    Ended,
}

/// <summary>
/// Pods that fall back alone serve sessions by records, while pods in Normal write rows and know of no record. So the row is asked as
/// long as there may be such pods, and once more before a record of that time is believed. No request waits long for a database that
/// does not answer.
/// </summary>
internal sealed class PodsInNormal(
    ModeController mode, SessionJournal journal, Backends backends, RecoveredRecords recovered, CacheCanary canary, SharedRecords shared)
{
    /// <summary>A row is read in a hundredth of it.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    private volatile Task _unanswered = Task.CompletedTask;

    /// <summary>Whether there may be any, as far as this pod knows.</summary>
    public bool MayBe => mode.State.Apart(ModeController.Now);

    /// <summary>
    /// Whether the row is to be asked before this record is served or built upon. Of a session that had a row which nobody knows, because
    /// the cache did not answer either when the record was made, it would tell nothing.
    /// </summary>
    public bool Doubts(SessionRecord? record) =>
        record is { Deleted: false, Clean: false } and ({ Born: true } or { Base: not null })
        && (MayBe || (MayHavePassed(record) && mode.State is { Readable: true, Unaccompanied: false }));

    /// <summary>Whether one may have written the row since the record was made.</summary>
    public bool MayHavePassed(SessionRecord record) => record.MayBePassed(mode.State.AnsweredApart, journal.Get(record.Key)?.Version);

    /// <summary>What the row says of the record, and its data.</summary>
    public async Task<(RowWord Word, string? Row)> AskAsync(SessionRecord record, CancellationToken cancel)
    {
        // The entry before the row: a replay inserts the row before it drops the entry.
        var ended = MayBe && record is { Born: true, CacheEntry: { } entry }
            && await shared.HasEntryAsync(entry, cancel) is false && await canary.CountsAsync(cancel) && !canary.EntriesLost;
        var (row, answered) = await RowAsync(record.Key);
        if (!answered)
        {
            return (RowWord.Silent, null);
        }

        if (row is null && ended)
        {
            return (RowWord.Ended, null);
        }

        return (await recovered.ForgottenAsync(record, row, backends.Current!, cancel) ? RowWord.Passed : RowWord.Stands, row);
    }

    /// <summary>The row's data, null if there is none, and whether the database answered in time.</summary>
    public async Task<(string? Row, bool Answered)> RowAsync(string key)
    {
        // A frozen server answers all it was asked the moment it goes on: the first question tells when that is.
        if (backends.Current is not { Rows: not null } backend || !await InTimeAsync(_unanswered))
        {
            return (null, false);
        }

        var reading = NotedAsync(key, backend);
        if (!await InTimeAsync(reading))
        {
            _unanswered = reading;
            return (null, false);
        }

        return await reading;
    }

    // Nobody may wait for an answer that comes late, but it tells that others were answered, too.
    private async Task<(string? Row, bool Answered)> NotedAsync(string key, Backend backend)
    {
        var read = await Replayer.RowAsync(key, backend, CancellationToken.None);
        if (read.Answered)
        {
            mode.Answered();
        }

        return read;
    }

    private static async Task<bool> InTimeAsync(Task asked) => asked.IsCompleted || await Task.WhenAny(asked, Task.Delay(Wait)) == asked;
}
