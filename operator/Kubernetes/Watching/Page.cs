using System.Buffers;
using System.Text.Json;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>What a page of a list says of the list.</summary>
/// <param name="Version">The list's resourceVersion: where a watch goes on from.</param>
/// <param name="Next">Where the next page begins; null after the last one.</param>
internal sealed record Page(string Version, string? Next)
{
    /// <summary>Reads one page, asynchronously to the last byte.</summary>
    /// <param name="stream">The body.</param>
    /// <param name="maxBytes">A longer one is given up.</param>
    /// <param name="item">Called for each object, which is valid during the call only.</param>
    /// <param name="cancellation">Ends the read at once.</param>
    /// <exception cref="WatchEndedException">It is too long, or no list.</exception>
    public static async Task<Page> ReadAsync(Stream stream, int maxBytes, Action<JsonElement> item, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            var length = 0;
            while (true)
            {
                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
                var read = await stream.ReadAsync(buffer.AsMemory(length), cancellation);
                if (read == 0)
                {
                    break;
                }
                length += read;
                if (length > maxBytes)
                {
                    throw new WatchEndedException(EndReason.Oversized, $"a page of the list is longer than {maxBytes} bytes");
                }
            }
            return Parse(buffer.AsMemory(0, length), item);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static Page Parse(ReadOnlyMemory<byte> body, Action<JsonElement> item)
    {
        JsonDocument list;
        try
        {
            list = JsonDocument.Parse(body);
        }
        catch (JsonException broken)
        {
            throw new WatchEndedException(EndReason.Malformed, $"a list is no JSON ({broken.Message})", broken);
        }
        using (list)
        {
            var meta = list.RootElement.At("metadata");
            if (meta.Text("resourceVersion") is not { Length: > 0 } version)
            {
                throw new WatchEndedException(EndReason.Malformed, "a list has no metadata.resourceVersion");
            }
            foreach (var element in list.RootElement.Items("items"))
            {
                item(element);
            }
            return new Page(version, meta.Text("continue") is { Length: > 0 } next ? next : null);
        }
    }
}
