using System.Globalization;
using System.Text.Json;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>
/// Reads fields that may be missing or of another kind than expected: an object of somebody else's making must not
/// be able to stop a watch.
/// </summary>
public static class JsonFields
{
    /// <summary>The field, or an undefined element, on which all of these answer "nothing".</summary>
    public static JsonElement At(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value : default;

    public static JsonElement At(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            element = element.At(name);
        }
        return element;
    }

    public static string? Text(this JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? element.GetString() : null;

    public static string? Text(this JsonElement element, string name) => element.At(name).Text();

    public static bool? Flag(this JsonElement element, string name) => element.At(name).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    public static long? Number(this JsonElement element, string name) =>
        element.At(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number) ? number : null;

    /// <summary>A Kubernetes time, which is RFC 3339; null when it is none.</summary>
    public static DateTimeOffset? Time(this JsonElement element, string name) =>
        element.Text(name) is { } text
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>The elements of a list; none when it is no list.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement element, string name) =>
        element.At(name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    /// <summary>The fields of an object; none when it is no object.</summary>
    public static IEnumerable<JsonProperty> Fields(this JsonElement element, string name) =>
        element.At(name) is { ValueKind: JsonValueKind.Object } fields ? fields.EnumerateObject() : [];
}
