using System.Text.Json;
using System.Text.Json.Serialization;

namespace SessionOperator.Operator.Api;

/// <summary>The custom resource that describes one database and shows what is believed of it.</summary>
public sealed record SessionDatabase
{
    public const string Group = "sessionoperator.dev";
    public const string Version = "v1alpha1";
    public const string Kind = "SessionDatabase";
    public const string Plural = "sessiondatabases";
    public const string ApiVersion = Group + "/" + Version;

    public ResourceMetadata Metadata { get; init; } = new();

    public SessionDatabaseSpec Spec { get; init; } = new();

    public SessionDatabaseStatus? Status { get; init; }

    /// <summary>"namespace/name", as sidecars and logs call it.</summary>
    [JsonIgnore]
    public string Key => $"{Metadata.Namespace}/{Metadata.Name}";

    /// <exception cref="JsonException">It is none; cannot happen with what the API server has accepted.</exception>
    public static SessionDatabase Read(JsonElement source) => source.Deserialize<SessionDatabase>(ApiJson.Options) ?? new();
}

/// <summary>The part of an object's metadata that we read.</summary>
public sealed record ResourceMetadata
{
    public string Name { get; init; } = "";

    public string Namespace { get; init; } = "";

    public string Uid { get; init; } = "";

    public string ResourceVersion { get; init; } = "";

    public long Generation { get; init; }

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
}
