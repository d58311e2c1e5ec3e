using System.Text.Json;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// OPTIONS of Django's CACHES entry. Django's own client has a flat set in small letters; django-redis has some in capitals
/// and some in CONNECTION_POOL_KWARGS.
/// </summary>
internal sealed class RedisOptions(Dictionary<string, JsonElement>? options)
{
    private static readonly string[] ClassOptions = ["CLIENT_CLASS", "REDIS_CLIENT_CLASS", "CONNECTION_FACTORY", "CONNECTION_POOL_CLASS", "pool_class"];

    public JsonElement? Value(string name) => options is { } set && set.TryGetValue(name, out var value) ? value : null;

    /// <summary>A setting as text: numbers as digits, null and false as "none" and "false"; null if it is not set.</summary>
    public string? Text(string name) =>
        Plain(Value(name)) ?? Plain(Value(name.ToUpperInvariant())) ?? Plain(Member("CONNECTION_POOL_KWARGS", name));

    public string? SentinelText(string name) => Plain(Member("SENTINEL_KWARGS", name));

    /// <summary>Whether one of the classes the app uses has this word in its name.</summary>
    public bool Names(string word) =>
        ClassOptions.Any(name => Value(name) is { ValueKind: JsonValueKind.String } value
            && value.GetString()!.Contains(word, StringComparison.OrdinalIgnoreCase));

    private JsonElement? Member(string group, string name) =>
        Value(group) is { ValueKind: JsonValueKind.Object } set && set.TryGetProperty(name, out var value) ? value : null;

    private static string? Plain(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
        { ValueKind: JsonValueKind.True } => "true",
        { ValueKind: JsonValueKind.False } => "false",
        { ValueKind: JsonValueKind.Null } => "none",
        _ => null,
    };
}
