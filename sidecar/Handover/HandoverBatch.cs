using System.Text.Json;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Handover;

/// <summary>A batch on the wire: the journal's own frames, each with its checksum. Pure.</summary>
internal static class HandoverBatch
{
    /// <summary>A batch that would grow beyond it is sent as it is; one entry is never split over two.</summary>
    public const int EnoughBytes = 256 * 1024;

    public const int MostEntries = 500;

    /// <summary>Longest batch taken: one session of 8 MiB, with what JSON makes of it.</summary>
    public const int MaxBytes = 32 * 1024 * 1024;

    private const int LongestKey = 128;

    /// <summary>Encodes as many of <paramref name="entries"/> as make a batch, in order; says which.</summary>
    public static (byte[] Bytes, List<HandedEntry> Entries) Encode(IEnumerable<HandedEntry> entries)
    {
        var bytes = new MemoryStream();
        var taken = new List<HandedEntry>();
        foreach (var entry in entries)
        {
            var payload = JsonSerializer.SerializeToUtf8Bytes(entry, SidecarJson.Default.HandedEntry);
            if (taken.Count > 0 && bytes.Length + JournalFrame.HeaderBytes + payload.Length > EnoughBytes)
            {
                break;
            }

            JournalFrame.Append(bytes, payload);
            taken.Add(entry);
            if (taken.Count == MostEntries)
            {
                break;
            }
        }

        return (bytes.ToArray(), taken);
    }

    /// <summary>Reads a whole batch; nothing of a bad one is used.</summary>
    /// <exception cref="FormatException">It is not one; the message quotes nothing of it.</exception>
    public static List<HandedEntry> Decode(ReadOnlySpan<byte> bytes)
    {
        var entries = new List<HandedEntry>();
        for (var offset = 0; offset < bytes.Length;)
        {
            if (!JournalFrame.TryRead(bytes, offset, out var payload))
            {
                throw new FormatException($"entry {entries.Count + 1} of the batch is damaged");
            }

            entries.Add(Read(payload, entries.Count + 1));
            offset += JournalFrame.HeaderBytes + payload.Length;
        }

        return entries;
    }

    private static HandedEntry Read(ReadOnlySpan<byte> payload, int number)
    {
        HandedEntry? entry;
        try
        {
            entry = JsonSerializer.Deserialize(payload, SidecarJson.Default.HandedEntry);
        }
        catch (JsonException)
        {
            throw new FormatException($"entry {number} of the batch is not one this version reads");
        }

        return entry switch
        {
            { Record: { } record, Row: null } when Valid(record) && Enum.IsDefined((Fence)entry.Fence) => entry,
            { Record: null, Row: { Table.Length: > 0, KeyColumn.Length: > 0, Key.ValueKind: JsonValueKind.String or JsonValueKind.Number } row }
                when Writable(row.Columns) => entry,
            _ => throw new FormatException($"entry {number} of the batch is not complete"),
        };
    }

    private static bool Valid(SessionRecord record) =>
        record is { Key.Length: > 0 and <= LongestKey, Version: > 0 } && record.Key.All(char.IsAsciiLetterOrDigit)
        && (record.Deleted || Writable(record.Columns));

    private static bool Writable(Dictionary<string, JsonElement>? columns)
    {
        if (columns is not { Count: > 0 })
        {
            return false;
        }

        try
        {
            foreach (var value in columns.Values)
            {
                ColumnValue.Of(value);
            }

            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
