using System.Threading.Channels;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Journal;

/// <summary>
/// What this sidecar has acknowledged and the database has not seen: one record a session in memory, every change
/// of it on disk. One writer, group commit: concurrent durable writes share an fsync.
/// </summary>
internal sealed class SessionJournal : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly JournalState _state = new();
    private readonly Channel<Write> _writes = Channel.CreateBounded<Write>(new BoundedChannelOptions(4096) { SingleReader = true });
    private readonly JournalFile _file;
    private readonly long _maxLiveBytes;
    private readonly ILogger _log;
    private readonly Dictionary<string, Fence> _broken;
    private readonly Task _writer;
    private bool _inNormal;

    private SessionJournal(string directory, long maxLiveBytes, ILogger log)
    {
        _log = log;
        _maxLiveBytes = maxLiveBytes;
        _file = JournalFile.Open(directory, entry => _state.Apply(entry), log);
        if (_file.Damaged)
        {
            // What could not be read is in the copy; left here it would be found, and copied, at every start.
            _file.Replace(_state.Snapshot());
        }

        var fence = _state.InForce is { Mode: not 0 } ? Fence.Restarted : Fence.Passed;
        _broken = _state.Records.ToDictionary(record => record.Key, _ => fence, StringComparer.Ordinal);
        _writer = Task.Run(WriteLoopAsync);
    }

    /// <summary>Records dropped because the journal was full (optional ones only).</summary>
    public long Overflowed { get; private set; }

    /// <summary>What was in force when the journal was last written; null in a new one.</summary>
    public InForce? InForce
    {
        get { lock (_lock) { return _state.InForce; } }
    }

    /// <summary>Acknowledged changes the database has not seen: sessions, tombstones and row updates.</summary>
    public int Pending
    {
        get { lock (_lock) { return _state.Pending; } }
    }

    /// <summary>Opens or creates the journal in <paramref name="directory"/>.</summary>
    /// <param name="maxLiveBytes">Most bytes of live records; beyond it optional ones are dropped, oldest first, then writes are refused.</param>
    public static SessionJournal Open(string directory, ILogger log, long maxLiveBytes = JournalFrame.MaxPayloadBytes) =>
        new(directory, maxLiveBytes, log);

    public SessionRecord? Get(string key)
    {
        lock (_lock) { return _state.Get(key); }
    }

    /// <summary>What may have happened to a session's row that this record knows nothing of.</summary>
    public Fence FenceOf(string key)
    {
        lock (_lock) { return _broken.GetValueOrDefault(key); }
    }

    /// <summary>The mode is Normal from now on: what is pending, and what is kept until <see cref="NormalEnds"/>, is past the fence.</summary>
    public void NormalBegins()
    {
        lock (_lock)
        {
            _inNormal = true;
            foreach (var record in _state.Records.Where(r => !r.Clean))
            {
                _broken[record.Key] = Fence.Passed;
            }
        }
    }

    /// <summary>A fallback is in force.</summary>
    public void NormalEnds()
    {
        lock (_lock) { _inNormal = false; }
    }

    /// <summary>
    /// What would have told that a record here is old is gone: the row is asked, as after a restart, where it can tell.
    /// Returns these records.
    /// </summary>
    /// <param name="certain">Whether a record is the newest all the same.</param>
    public List<SessionRecord> DoubtAll(Predicate<SessionRecord> certain)
    {
        lock (_lock)
        {
            var pending = _state.Records.Where(r => r is { Clean: false, Deleted: false } && (r.Born || r.Base is not null) && !certain(r)).ToList();
            pending.ForEach(r => _broken.TryAdd(r.Key, Fence.Restarted));
            return pending;
        }
    }

    /// <summary>Pending records, tombstones first, then by age; <paramref name="first"/> before all others.</summary>
    public List<SessionRecord> PendingRecords(int limit, IReadOnlyCollection<string> first)
    {
        lock (_lock) { return _state.PendingRecords(limit, first); }
    }

    /// <summary>Every record held, replayed tombstones included: what is published to the shared cache.</summary>
    public List<SessionRecord> AllRecords()
    {
        lock (_lock) { return [.. _state.Records]; }
    }

    public List<RowUpdate> PendingRows()
    {
        lock (_lock) { return [.. _state.Rows]; }
    }

    /// <summary>Writes a record, with what may have passed it by elsewhere. The task ends when it is on disk (durable) or handed to the kernel.</summary>
    /// <exception cref="JournalFullException">No room and nothing optional left to drop.</exception>
    /// <exception cref="JournalException">The disk refused it.</exception>
    public Task PutAsync(SessionRecord record, bool durable, Fence fence = Fence.Whole) =>
        Enqueue(new JournalEntry { Record = record }, durable, fence);

    public Task PutAsync(RowUpdate row) => Enqueue(new JournalEntry { Row = row }, durable: true);

    public Task PutAsync(InForce inForce) => Enqueue(new JournalEntry { InForce = inForce }, durable: true);

    /// <summary>The database has this version: forgets the record unless a newer one has come meanwhile.</summary>
    public Task DoneAsync(SessionRecord record) => NoteAsync(new JournalEntry { RecordDone = new Done(record.Key, record.Version) });

    public Task DoneAsync(RowUpdate row) => NoteAsync(new JournalEntry { RowDone = new Done(row.Identity, row.Version) });

    public async ValueTask DisposeAsync()
    {
        _writes.Writer.TryComplete();
        await _writer;
        _file.Dispose();
    }

    // A note that a full disk loses costs a second replay after a restart, which finds the row as it should be.
    private async Task NoteAsync(JournalEntry done)
    {
        try
        {
            await Enqueue(done, durable: false);
        }
        catch (JournalException e)
        {
            _log.JournalWriteFailed(e.Message);
        }
    }

    private async Task Enqueue(JournalEntry entry, bool durable, Fence fence = Fence.Whole)
    {
        var bytes = JournalFile.Serialize(entry);
        var write = new Write(bytes, durable, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        while (!TryEnqueue(entry, write, fence))
        {
            if (!await _writes.Writer.WaitToWriteAsync())
            {
                throw new JournalException("the journal is closed");
            }
        }

        await write.Done.Task;
    }

    // Memory and channel change together, so that the file tells the same story as the memory.
    private bool TryEnqueue(JournalEntry entry, Write write, Fence fence)
    {
        lock (_lock)
        {
            if (entry.Record is { Clean: false } && _state.LiveBytes + write.Bytes.Length > _maxLiveBytes)
            {
                Overflowed += _state.DropOptional(_maxLiveBytes / 10);
                if (_state.LiveBytes + write.Bytes.Length > _maxLiveBytes)
                {
                    throw new JournalFullException();
                }
            }

            if (!_writes.Writer.TryWrite(write))
            {
                return false;
            }

            _state.Apply(entry, write.Bytes.Length);
            // Of the mode at this moment: a save may have begun in another.
            fence = _inNormal ? Fence.Passed : fence;
            if (entry.Record is { Clean: false } record && fence > _broken.GetValueOrDefault(record.Key))
            {
                _broken[record.Key] = fence;
            }

            if (entry.RecordDone is { } done && _state.Get(done.Key) is null)
            {
                _broken.Remove(done.Key);
            }

            return true;
        }
    }

    private async Task WriteLoopAsync()
    {
        var batch = new List<Write>();
        var buffer = new MemoryStream();
        while (await _writes.Reader.WaitToReadAsync())
        {
            batch.Clear();
            buffer.SetLength(0);
            while (batch.Count < 1024 && _writes.Reader.TryRead(out var write))
            {
                batch.Add(write);
                JournalFrame.Append(buffer, write.Bytes);
            }

            try
            {
                _file.Append(buffer.GetBuffer().AsSpan(0, (int)buffer.Length), batch.Exists(w => w.Durable));
                batch.ForEach(w => w.Done.SetResult());
                CompactIfWorthwhile();
            }
            catch (Exception e)
            {
                // Whatever it was (a file too long is no IOException): without this loop every later change would wait for ever.
                _log.JournalWriteFailed(e.Message);
                batch.ForEach(w => w.Done.TrySetException(new JournalException("the journal cannot be written: " + e.Message)));
            }
        }
    }

    private void CompactIfWorthwhile()
    {
        List<JournalEntry> live;
        lock (_lock)
        {
            if (_file.Length < 4 * 1024 * 1024 || _file.Length < 4 * _state.LiveBytes)
            {
                return;
            }

            _state.ForgetExpiredTombstones(DateTime.UtcNow);
            live = _state.Snapshot();
        }

        _file.Replace(live);
    }

    private sealed record Write(byte[] Bytes, bool Durable, TaskCompletionSource Done);
}

/// <summary>A change cannot be made durable: it was not acknowledged and must not be.</summary>
internal class JournalException(string message) : IOException(message);

/// <summary>The journal is at its bound and holds nothing optional to drop.</summary>
internal sealed class JournalFullException() : JournalException("the journal is full of unsaved session changes");
