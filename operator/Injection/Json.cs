using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>Looking things up in an object of Kubernetes. Absent is null or empty; of the wrong kind is an exception.</summary>
internal static class Json
{
    public static JsonObject Spec(JsonObject pod) => pod["spec"]?.AsObject() ?? throw new FormatException("it has no spec");

    public static string? Text(JsonNode? parent, string name) => parent?[name]?.GetValue<string>();

    /// <summary>The objects of a list in the pod's spec.</summary>
    public static IReadOnlyList<JsonObject> List(JsonObject pod, string name) => Items(Spec(pod), name);

    public static IReadOnlyList<JsonObject> Items(JsonNode? parent, string name) =>
        parent?[name] is { } list ? [.. list.AsArray().Select(item => item!.AsObject())] : [];

    /// <summary>The names of the objects of a list in the pod's spec.</summary>
    public static IEnumerable<string> Names(JsonObject pod, string list) => List(pod, list).Select(item => Text(item, "name") ?? "");

    public static string? Annotation(JsonObject thing, string key) => Text(thing["metadata"]?["annotations"], key);
}
