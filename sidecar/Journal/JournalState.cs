using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Journal;

/// <summary>What the journal's entries add up to. Pure: no disk, no clock, not thread-safe.</summary>
internal sealed class JournalState
{
    private readonly Dictionary<string, (SessionRecord Record, int Bytes, long Order)> _records = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RowUpdate> _rows = new(StringComparer.Ordinal);
    private long _order;
    private int _pendingRecords;

    public InForce? InForce { get; private set; }
    public long LiveBytes { get; private set; }
    public int Pending => _pendingRecords + _rows.Count;
    public IEnumerable<SessionRecord> Records => _records.Values.Select(v => v.Record);
    public IEnumerable<RowUpdate> Rows => _rows.Values;

    public SessionRecord? Get(string key) => _records.TryGetValue(key, out var found) ? found.Record : null;

    public void Apply(JournalEntry entry, int bytes = 0)
    {
        if (entry.Record is { } record)
        {
            Put(record, bytes);
        }

        if (entry.RecordDone is { } done && _records.TryGetValue(done.Key, out var held)
            && held.Record.Version <= done.Version && !held.Record.Deleted)
        {
            Remove(done.Key);
        }

        if (entry.Row is { } row && !(_rows.TryGetValue(row.Identity, out var known) && known.Version > row.Version))
        {
            _rows[row.Identity] = row;
        }

        if (entry.RowDone is { } rowDone && _rows.TryGetValue(rowDone.Key, out var heldRow) && heldRow.Version <= rowDone.Version)
        {
            _rows.Remove(rowDone.Key);
        }

        InForce = entry.InForce ?? InForce;
    }

    public List<SessionRecord> PendingRecords(int limit, IReadOnlyCollection<string> first)
    {
        var chosen = new List<SessionRecord>(Math.Min(limit, _pendingRecords));
        foreach (var key in first)
        {
            if (chosen.Count < limit && Get(key) is { Clean: false } record)
            {
                chosen.Add(record);
            }
        }

        if (chosen.Count < limit && chosen.Count < _pendingRecords)
        {
            var taken = chosen.Select(r => r.Key).ToHashSet(StringComparer.Ordinal);
            chosen.AddRange(_records.Values
                .Where(v => !v.Record.Clean && !taken.Contains(v.Record.Key))
                .OrderByDescending(v => v.Record.Deleted).ThenBy(v => v.Order)
                .Take(limit - chosen.Count)
                .Select(v => v.Record));
        }

        return chosen;
    }

    /// <summary>Drops records of which only the expiry moved, oldest first, until <paramref name="bytes"/> are free; says how many.</summary>
    public int DropOptional(long bytes)
    {
        var target = LiveBytes - bytes;
        var optional = _records.Values
            .Where(v => v.Record is { Dirty: false, Deleted: false, Born: false })
            .OrderBy(v => v.Order).Select(v => v.Record.Key).ToList();
        var dropped = 0;
        foreach (var key in optional.TakeWhile(_ => LiveBytes > target))
        {
            Remove(key);
            dropped++;
        }

        return dropped;
    }

    public void ForgetExpiredTombstones(DateTime now)
    {
        var expired = Records.Where(r => r is { Deleted: true, Clean: true } && r.Expires < now).Select(r => r.Key).ToList();
        expired.ForEach(Remove);
    }

    /// <summary>The shortest list of entries that adds up to this state.</summary>
    public List<JournalEntry> Snapshot()
    {
        var entries = new List<JournalEntry>(_records.Count + _rows.Count + 1);
        if (InForce is not null)
        {
            entries.Add(new JournalEntry { InForce = InForce });
        }

        entries.AddRange(_records.Values.OrderBy(v => v.Order).Select(v => new JournalEntry { Record = v.Record }));
        entries.AddRange(_rows.Values.Select(row => new JournalEntry { Row = row }));
        return entries;
    }

    private void Put(SessionRecord record, int bytes)
    {
        if (_records.TryGetValue(record.Key, out var old))
        {
            // A tombstone is final, and an older version never replaces a newer one.
            if ((old.Record.Deleted && !record.Deleted) || old.Record.Version > record.Version)
            {
                return;
            }

            Remove(record.Key);
        }

        var size = bytes > 0 ? bytes : JournalFile.Serialize(new JournalEntry { Record = record }).Length;
        _records[record.Key] = (record, size, _order++);
        LiveBytes += size;
        _pendingRecords += record.Clean ? 0 : 1;
    }

    private void Remove(string key)
    {
        if (_records.Remove(key, out var old))
        {
            LiveBytes -= old.Bytes;
            _pendingRecords -= old.Record.Clean ? 0 : 1;
        }
    }
}
