using System.Text.Json;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Tests.Support;

/// <summary>Session records and their parts, as short as tests want them.</summary>
internal static class Make
{
    public const string Data = "session_data";
    public const string Expiry = "expire_date";
    public const string Later = "2030-01-02T00:00:00Z";
    public static readonly DateTime Expires = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public static JsonElement Json(object? value) => JsonSerializer.SerializeToElement(value);

    public static Dictionary<string, JsonElement> Columns(string data, string expiry = "2030-01-01T00:00:00Z") =>
        new() { [Data] = Json(data), [Expiry] = Json(expiry) };

    public static SessionRecord Record(
        string key, long version = 1, string data = "data", bool dirty = true, bool born = false, Fingerprint? root = null,
        params string[] lineage) => new()
        {
            Key = key,
            Version = version,
            Dirty = dirty,
            Born = born,
            Columns = Columns(data),
            Expires = Expires,
            Base = root,
            Lineage = lineage.Length == 0 ? null : [.. lineage.Select(Fingerprints.Of)],
        };

    public static SessionRecord Tombstone(string key, long version = 1) =>
        new() { Key = key, Version = version, Deleted = true, Expires = Expires };

    public static SaveRequest Save(string key, string data = "data", string change = "state", bool create = false, Fingerprint? root = null) =>
        new() { Key = key, Change = change, Create = create, Columns = Columns(data, Later), Expires = Expires, Base = root };

    public static string DataOf(SessionRecord record) => record.Columns![Data].GetString()!;
}
