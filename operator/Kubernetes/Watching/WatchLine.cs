using System.Text.Json;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>What one line of a watch says.</summary>
internal enum WatchLineType
{
    /// <summary>Added or changed: for us the same, since a watch may begin between the two.</summary>
    Changed,
    Deleted,

    /// <summary>Nothing new up to this resourceVersion.</summary>
    Bookmark,
}

/// <summary>Reads one line of a watch: {"type": ..., "object": ...}.</summary>
internal static class WatchLine
{
    /// <param name="line">The line.</param>
    /// <param name="target">What is watched, for messages.</param>
    /// <param name="project">Called for an object that was added or changed; the element is valid during the call only.</param>
    /// <exception cref="WatchEndedException">It is no event, or an error, such as the 410 that comes inside a 200.</exception>
    public static (WatchLineType Type, ObjectMeta Meta, T? Value) Read<T>(
        ReadOnlyMemory<byte> line, WatchTarget target, Func<JsonElement, ObjectMeta, T?> project) where T : class
    {
        try
        {
            using var parsed = JsonDocument.Parse(line);
            var source = parsed.RootElement.At("object");
            var type = parsed.RootElement.Text("type");
            if (type == "ERROR")
            {
                throw new WatchEndedException(Answers.Explain(source, target) with { WithinStream = true });
            }
            if (type == "BOOKMARK")
            {
                return source.At("metadata").Text("resourceVersion") is { Length: > 0 } version
                    ? (WatchLineType.Bookmark, new ObjectMeta("", "", "", version), null)
                    : throw Malformed("a bookmark without a resourceVersion");
            }
            if (ObjectMeta.Read(source) is not { } meta)
            {
                throw Malformed("an object without a name or a resourceVersion");
            }
            return type switch
            {
                "ADDED" or "MODIFIED" => (WatchLineType.Changed, meta, project(source, meta)),
                "DELETED" => (WatchLineType.Deleted, meta, null),
                _ => throw Malformed("an event of no known type"),
            };
        }
        catch (JsonException broken)
        {
            throw Malformed("a line that is no JSON", broken);
        }
    }

    private static WatchEndedException Malformed(string what, Exception? cause = null) =>
        new(EndReason.Malformed, $"the server sent {what}", cause);
}
