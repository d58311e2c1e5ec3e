using System.Buffers.Binary;
using System.Numerics;

namespace SessionOperator.Sidecar.Journal;

/// <summary>
/// One frame of the journal file: magic, payload length, CRC32C of the payload (RFC 3720, Castagnoli), payload.
/// The magic lets a reader find the next whole frame after damage.
/// </summary>
internal static class JournalFrame
{
    public const int HeaderBytes = 12;

    /// <summary>Longest payload: one request of 8 MiB, each byte of which JSON may spell with six. A longer length on disk is damage.</summary>
    public const int MaxPayloadBytes = 64 * 1024 * 1024;

    private static ReadOnlySpan<byte> Magic => "SOJ1"u8;

    /// <summary>Appends one frame to <paramref name="output"/>.</summary>
    public static void Append(Stream output, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Checksum(payload));
        output.Write(header);
        output.Write(payload);
    }

    /// <summary>Reads the frame at <paramref name="offset"/>; false if there is no whole, undamaged one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> file, int offset, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (file.Length - offset < HeaderBytes || !file.Slice(offset, 4).SequenceEqual(Magic))
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(file[(offset + 4)..]);
        if (length is < 0 or > MaxPayloadBytes || file.Length - offset - HeaderBytes < length)
        {
            return false;
        }

        var body = file.Slice(offset + HeaderBytes, length);
        if (Checksum(body) != BinaryPrimitives.ReadUInt32LittleEndian(file[(offset + 8)..]))
        {
            return false;
        }

        payload = body;
        return true;
    }

    /// <summary>
    /// Whether a crash of ours can have left <paramref name="tail"/>: the beginning of a frame, or blocks never written.
    /// A whole frame with a wrong checksum is something else.
    /// </summary>
    public static bool CouldBeTorn(ReadOnlySpan<byte> tail)
    {
        if (tail.IndexOfAnyExcept((byte)0) < 0)
        {
            return true;
        }

        if (tail.Length < HeaderBytes)
        {
            return Magic[..Math.Min(4, tail.Length)].SequenceEqual(tail[..Math.Min(4, tail.Length)]);
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(tail[4..]);
        return tail[..4].SequenceEqual(Magic) && length <= MaxPayloadBytes && length > tail.Length - HeaderBytes;
    }

    /// <summary>Offset of the next magic at or after <paramref name="offset"/>, or the end of the file.</summary>
    public static int NextCandidate(ReadOnlySpan<byte> file, int offset)
    {
        var found = file[offset..].IndexOf(Magic);
        return found < 0 ? file.Length : offset + found;
    }

    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (var b in data)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }
}
