using System.Text.Json;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>What an app process says of itself (docs/reference/sidecar-api.md, hello). Kept in memory only.</summary>
public sealed record AppDescription
{
    public int Api { get; init; }
    public string Framework { get; init; } = "";
    public string FrameworkVersion { get; init; } = "";
    public string AdapterVersion { get; init; } = "";
    public int Pid { get; init; }
    public string Engine { get; init; } = "";
    public DatabaseDescription? Database { get; init; }
    public StoreDescription? Store { get; init; }
    public CacheDescription? Cache { get; init; }
}

/// <summary>How the app reaches its database.</summary>
public sealed record DatabaseDescription
{
    public string Kind { get; init; } = "";
    public string? Host { get; init; }
    public int? Port { get; init; }
    public string? Name { get; init; }
    public string? User { get; init; }
    public string? Password { get; init; }
    public Dictionary<string, JsonElement>? Options { get; init; }

    // The compiler's own would print the password.
    public override string ToString() => $"{Kind} {Host}:{Port}/{Name}";
}

/// <summary>The table sessions live in.</summary>
public sealed record StoreDescription
{
    public string Table { get; init; } = "";
    public string KeyColumn { get; init; } = "";
    public string DataColumn { get; init; } = "";
    public string ExpiryColumn { get; init; } = "";

    /// <summary>Values, other than the key, of the already-expired row the prober writes.</summary>
    public Dictionary<string, JsonElement>? Sentinel { get; init; }
}

/// <summary>The cache the app keeps sessions in.</summary>
public sealed record CacheDescription
{
    public string Kind { get; init; } = "";
    public List<string>? Servers { get; init; }
    public string KeyPrefix { get; init; } = "";
    public Dictionary<string, JsonElement>? Options { get; init; }
}
