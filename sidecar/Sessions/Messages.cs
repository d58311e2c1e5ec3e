using System.Text.Json;

namespace SessionOperator.Sidecar.Sessions;

// The bodies of docs/reference/sidecar-api.md.

public sealed record ReportRequest(string? Verdict, string? Detail, bool Retried);

/// <param name="Key">The session.</param>
/// <param name="RowGone">The engine has found no row, in Normal.</param>
/// <param name="EntryGone">There is nothing of the session in the engine's cache.</param>
public sealed record LoadRequest(string? Key, bool RowGone = false, bool EntryGone = false);

public sealed record SaveRequest
{
    public string? Key { get; init; }
    public string? Change { get; init; }
    public bool Create { get; init; }
    public bool Keep { get; init; }
    public Dictionary<string, JsonElement>? Columns { get; init; }
    public DateTime? Expires { get; init; }
    public Fingerprint? Base { get; init; }
    public string? CacheEntry { get; init; }
    public string? TombstoneEntry { get; init; }
    public string? SavedEntry { get; init; }

    /// <summary>The engine's own cache entry is gone, as it is after a logout in Normal.</summary>
    public bool EntryGone { get; init; }

    /// <summary>It was there a moment ago.</summary>
    public bool EntrySeen { get; init; }

    /// <summary>The session's end was refused, and its row may be gone all the same: a replay may bring it back.</summary>
    public bool RowUnsure { get; init; }
}

/// <param name="Key">The session.</param>
/// <param name="Expires">When the last cookie with this key does.</param>
/// <param name="CacheEntry">Raw key of the engine's own cache entry.</param>
/// <param name="TombstoneEntry">Raw key of the entry that tells an app without a sidecar.</param>
/// <param name="RowGone">The engine has deleted the row already, in Normal: whatever is answered, the session has ended.</param>
public sealed record DeleteRequest(string? Key, DateTime? Expires, string? CacheEntry, string? TombstoneEntry, bool RowGone = false);

public sealed record RowRequest(string? Table, string? KeyColumn, JsonElement Key, Dictionary<string, JsonElement>? Columns);

/// <summary>Every 200 answer; members that do not apply are left out.</summary>
public sealed record Answer(string Status)
{
    public static readonly Answer Normal = new("normal");
    public static readonly Answer Deleted = new("deleted");
    public static readonly Answer Exists = new("exists");
    public static readonly Answer None = new("none");
    public static readonly Answer Unreadable = new("unreadable");
    public static readonly Answer Kept = new("kept");

    public static Answer Refused(string reason) => new("refused") { Reason = reason };

    /// <summary>It may have come into effect all the same: somebody was asked to carry it out and did not answer.</summary>
    public static Answer Unconfirmed(string reason) => Refused(reason) with { Uncertain = true };

    public int? Api { get; init; }
    public int? Mode { get; init; }
    public bool? Readable { get; init; }
    public bool? Retry { get; init; }
    public bool? Keep { get; init; }
    public string? Fallback { get; init; }
    public string? Limit { get; init; }
    public string? Reason { get; init; }
    public bool? Uncertain { get; init; }
    public long? Version { get; init; }
    public bool? Born { get; init; }
    public bool? Degraded { get; init; }
    public Dictionary<string, JsonElement>? Columns { get; init; }
    public DateTime? Expires { get; init; }
}

/// <summary>GET /v1/status: for people and tests.</summary>
public sealed record StatusAnswer(
    string Status, int Api, string Version, string Mode, string Phase, ulong Epoch, string Reason, bool Autonomous, bool Connected,
    bool Settled, long Unsaved, bool Loaded, int Adapters, string Fallback, string Limit);

public sealed record ErrorBody(ErrorDetail Error);

public sealed record ErrorDetail(string Code, string Message);

/// <summary>An error of the API: nothing was acknowledged.</summary>
internal sealed class ApiException(int httpStatus, string code, string message) : Exception(message)
{
    public int HttpStatus { get; } = httpStatus;
    public string Code { get; } = code;

    public static ApiException Malformed(string message) => new(400, "malformed", message);
}
