using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>Changes a copy of a pod and keeps what it did as a JSON patch.</summary>
internal sealed class PodEditor(JsonObject pod)
{
    public JsonObject Pod { get; } = (JsonObject)pod.DeepClone();

    public JsonArray Patch { get; } = [];

    /// <summary>The object or array at that path, or null.</summary>
    /// <param name="path">JSON pointer; absent steps are allowed.</param>
    public JsonNode? Find(string path)
    {
        JsonNode? node = Pod;
        foreach (var step in Steps(path))
        {
            node = node switch
            {
                JsonObject map => map[step],
                JsonArray list when int.TryParse(step, out var index) && index < list.Count => list[index],
                _ => null,
            };
        }
        return node;
    }

    /// <summary>Adds or replaces a member, making its parent object if that is absent.</summary>
    public void Set(string parent, string name, JsonNode value)
    {
        Ensure(parent, new JsonObject());
        var map = (JsonObject)Find(parent)!;
        Record(map.ContainsKey(name) ? "replace" : "add", $"{parent}/{Escape(name)}", value);
        map[name] = value.DeepClone();
    }

    /// <summary>Puts an item into a list, making the list if it is absent.</summary>
    /// <param name="path">The list.</param>
    /// <param name="index">Null for the end.</param>
    /// <param name="value">The item.</param>
    public void Insert(string path, int? index, JsonNode value)
    {
        Ensure(path, new JsonArray());
        var list = (JsonArray)Find(path)!;
        Record("add", $"{path}/{index?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"}", value);
        list.Insert(index ?? list.Count, value.DeepClone());
    }

    /// <summary>Puts another item in the place of one that is there.</summary>
    public void Replace(string path, int index, JsonNode value)
    {
        Record("replace", $"{path}/{index}", value);
        ((JsonArray)Find(path)!)[index] = value.DeepClone();
    }

    private void Ensure(string path, JsonNode empty)
    {
        if (Find(path) is not null)
        {
            return;
        }
        // A member that is null is there for the patch, and replaced all the same: "add" replaces members of objects.
        Record("add", path, empty);
        var cut = path.LastIndexOf('/');
        ((JsonObject)Find(path[..cut])!)[Unescape(path[(cut + 1)..])] = empty.DeepClone();
    }

    private void Record(string operation, string path, JsonNode value) =>
        Patch.Add((JsonNode)new JsonObject { ["op"] = operation, ["path"] = path, ["value"] = value.DeepClone() });

    private static IEnumerable<string> Steps(string path) => path.Split('/').Skip(1).Select(Unescape);

    private static string Escape(string step) => step.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static string Unescape(string step) => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
}
