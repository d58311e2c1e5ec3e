using System.Collections.Immutable;
using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Injection;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Workloads;

/// <summary>A Deployment, StatefulSet or DaemonSet, as far as our annotations go.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Meta">Which one.</param>
/// <param name="Asked">Our annotations on the workload itself: what people write, misspelt ones too.</param>
/// <param name="Template">Our annotations in its pod template.</param>
/// <param name="Carried">Which of those were carried there by us.</param>
public sealed record Workload(
    WorkloadKind Kind, ObjectMeta Meta, ImmutableSortedDictionary<string, string> Asked,
    ImmutableSortedDictionary<string, string> Template, ImmutableSortedSet<string> Carried)
{
    /// <summary>The field manager of what is carried. It goes with the last annotation that is.</summary>
    public const string Manager = "session-operator";

    /// <summary>Annotations, of the workload or its template, that look as if they were meant for us and are not: another domain.</summary>
    public ImmutableSortedSet<string> Astray { get; init; } = [];

    /// <summary>"Deployment shop/web"; no two workloads have the same.</summary>
    public string Key => $"{Kind.Name} {Meta.Namespace}/{Meta.Name}";

    /// <summary>Path below the server's address.</summary>
    public string Path => $"{Kind.Resource.Path(Meta.Namespace)}/{Uri.EscapeDataString(Meta.Name)}";

    public static Workload Read(WorkloadKind kind, JsonElement source, ObjectMeta meta) => new(
        kind, meta, Ours(source.At("metadata")), Ours(source.At("spec", "template", "metadata")), CarriedIn(source))
    {
        Astray = [.. Keys(source.At("metadata")).Concat(Keys(source.At("spec", "template", "metadata"))).Where(IsAstray)],
    };

    private static ImmutableSortedDictionary<string, string> Ours(JsonElement metadata) => metadata.Fields("annotations")
        .Where(field => field.Name.StartsWith(Annotations.Prefix, StringComparison.Ordinal) && field.Value.ValueKind == JsonValueKind.String)
        .ToImmutableSortedDictionary(field => field.Name, field => field.Value.GetString()!, StringComparer.Ordinal);

    private static IEnumerable<string> Keys(JsonElement metadata) => metadata.Fields("annotations").Select(field => field.Name);

    /// <summary>"session-operator.dev/database", say.</summary>
    private static bool IsAstray(string key) => key.Split('/') is [var domain, _] && $"{domain}/" != Annotations.Prefix
        && domain.Contains("session", StringComparison.Ordinal) && Nearest.To(domain, [Annotations.Prefix[..^1]]) is not null;

    /// <summary>The server keeps who applied which field.</summary>
    private static ImmutableSortedSet<string> CarriedIn(JsonElement source) => source.At("metadata").Items("managedFields")
        .Where(entry => entry.Text("manager") == Manager && entry.Text("operation") == "Apply")
        .SelectMany(entry => entry.At("fieldsV1", "f:spec", "f:template", "f:metadata").Fields("f:annotations"))
        .Where(field => field.Name.StartsWith("f:" + Annotations.Prefix, StringComparison.Ordinal))
        .Select(field => field.Name[2..])
        .ToImmutableSortedSet(StringComparer.Ordinal);
}

/// <summary>A kind of workload whose annotations are carried.</summary>
/// <param name="Name">As in an object's <c>kind</c>.</param>
/// <param name="Resource">As in paths.</param>
public sealed record WorkloadKind(string Name, ResourceKind Resource)
{
    public static readonly ImmutableArray<WorkloadKind> All =
    [
        new("Deployment", ResourceKind.Deployments), new("StatefulSet", ResourceKind.StatefulSets), new("DaemonSet", ResourceKind.DaemonSets),
    ];
}
