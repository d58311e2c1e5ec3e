using System.Text.Json;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Journal;

/// <summary>The journal on disk: an append-only file of frames, replaced as a whole when compacted.</summary>
internal sealed class JournalFile : IDisposable
{
    private readonly string _directory;
    private FileStream _stream;

    private JournalFile(string directory, FileStream stream, bool damaged)
    {
        _directory = directory;
        _stream = stream;
        Damaged = damaged;
    }

    /// <summary>Unreadable stretches were found and kept aside; they are still in the file until it is replaced.</summary>
    public bool Damaged { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length => _stream.Length;

    /// <summary>
    /// Reads what is there and opens the file for appending. A torn last frame is what a crash leaves and is cut off;
    /// any other unreadable stretch is stepped over and kept beside the journal as <c>journal.damaged-N</c>.
    /// </summary>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public static JournalFile Open(string directory, Action<JournalEntry> apply, ILogger log)
    {
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var path = Path.Combine(directory, "journal.log");
        var bytes = File.Exists(path) ? File.ReadAllBytes(path) : [];
        var damage = Read(bytes, apply);
        var end = damage.GoodEnd;
        if (damage.Bytes > 0)
        {
            var kept = KeepAside(directory, bytes);
            log.JournalDamaged(damage.Bytes, kept);
            end = bytes.Length;
        }
        else if (end < bytes.Length)
        {
            log.JournalTornTail(bytes.Length - end);
        }

        var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Read,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        stream.SetLength(end);
        stream.Seek(0, SeekOrigin.End);
        return new JournalFile(directory, stream, damage.Bytes > 0);
    }

    /// <summary>Writes frames at the end; with <paramref name="durable"/> they are on the disk when this returns.</summary>
    /// <exception cref="IOException">Nothing of it may be acknowledged; the file is as it was before, as after any other exception.</exception>
    public void Append(ReadOnlySpan<byte> frames, bool durable)
    {
        var before = _stream.Length;
        try
        {
            _stream.Write(frames);
            _stream.Flush(durable);
        }
        catch
        {
            _stream.SetLength(before);
            _stream.Seek(0, SeekOrigin.End);
            throw;
        }
    }

    /// <summary>Replaces the file by one that holds just <paramref name="live"/>; a crash leaves the old or the new one.</summary>
    public void Replace(IEnumerable<JournalEntry> live)
    {
        var path = Path.Combine(_directory, "journal.log");
        var fresh = new FileStream(path + ".new", new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Read,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        foreach (var entry in live)
        {
            JournalFrame.Append(fresh, Serialize(entry));
        }

        fresh.Flush(true);
        File.Move(path + ".new", path, overwrite: true);
        DirectorySync.Flush(_directory);
        _stream.Dispose();
        _stream = fresh;
    }

    public void Dispose() => _stream.Dispose();

    public static byte[] Serialize(JournalEntry entry) =>
        JsonSerializer.SerializeToUtf8Bytes(entry, SidecarJson.Default.JournalEntry);

    /// <summary>Applies every readable entry. Bytes: damaged ones that are followed by a whole frame, or unreadable as an entry.</summary>
    private static (int GoodEnd, int Bytes) Read(ReadOnlySpan<byte> bytes, Action<JournalEntry> apply)
    {
        var offset = 0;
        var goodEnd = 0;
        var damaged = 0;
        while (offset < bytes.Length)
        {
            if (JournalFrame.TryRead(bytes, offset, out var payload))
            {
                damaged += offset - goodEnd;
                offset += JournalFrame.HeaderBytes + payload.Length;
                goodEnd = offset;
                damaged += TryApply(payload, apply) ? 0 : payload.Length;
            }
            else
            {
                offset = JournalFrame.NextCandidate(bytes, offset + 1);
            }
        }

        var tail = bytes[goodEnd..];
        return (goodEnd, JournalFrame.CouldBeTorn(tail) ? damaged : damaged + tail.Length);
    }

    private static bool TryApply(ReadOnlySpan<byte> payload, Action<JournalEntry> apply)
    {
        try
        {
            var entry = JsonSerializer.Deserialize(payload, SidecarJson.Default.JournalEntry);
            if (entry is null or { Record: null, RecordDone: null, Row: null, RowDone: null, InForce: null })
            {
                return false;
            }

            apply(entry);
            return true;
        }
        catch (JsonException)
        {
            // The checksum holds, so a newer version of ours wrote it: kept aside by the caller, reported there.
            return false;
        }
    }

    private static string KeepAside(string directory, byte[] bytes)
    {
        for (var n = 1; ; n++)
        {
            var path = Path.Combine(directory, $"journal.damaged-{n}");
            if (!File.Exists(path))
            {
                using var copy = new FileStream(path, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                });
                copy.Write(bytes);
                copy.Flush(true);
                return path;
            }
        }
    }
}
