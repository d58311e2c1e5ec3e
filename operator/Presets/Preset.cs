using System.Collections.Immutable;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Presets;

/// <summary>
/// What is known of one way to run a database in Kubernetes. As read from its file the texts hold {cluster};
/// <see cref="For"/> puts a name there.
/// </summary>
/// <param name="Name">As users write it.</param>
/// <param name="Summary">Who runs such databases, a few words.</param>
/// <param name="Pods">Selects all pods of the cluster; evaluated by the server.</param>
/// <param name="Primary">A pod that any of these matches takes writes; empty: every pod counts.</param>
public sealed record Preset(string Name, string Summary, string Pods, ImmutableArray<LabelSelector> Primary)
{
    public const string Placeholder = "{cluster}";

    /// <summary>The container that runs the database; empty when only the pod as a whole is looked at.</summary>
    public string Container { get; init; } = "";

    /// <summary>Services that apps may write through.</summary>
    public ImmutableArray<string> Services { get; init; } = [];

    /// <summary>Name of the StatefulSet whose revisions announce a rollout; empty for none.</summary>
    public string StatefulSet { get; init; } = "";

    public PodReport? Report { get; init; }

    public ImmutableArray<AnnouncingResource> Resources { get; init; } = [];

    /// <summary>The labels that tell the primary from the others.</summary>
    public IEnumerable<string> RoleLabels => Primary.SelectMany(selector => selector.Keys).Distinct();

    /// <summary>Of a cluster with that name.</summary>
    public Preset For(string cluster) => this with
    {
        Pods = Put(Pods, cluster),
        Services = [.. Services.Select(service => Put(service, cluster))],
        StatefulSet = Put(StatefulSet, cluster),
        Resources = [.. Resources.Select(resource => resource with { Name = Put(resource.Name, cluster) })],
    };

    /// <summary>What a user's own selectors say, without a preset.</summary>
    public static Preset Own(string pods, LabelSelector? primary) => new("", "selectors of one's own", pods, primary is null ? [] : [primary]);

    private static string Put(string text, string cluster) => text.Replace(Placeholder, cluster, StringComparison.Ordinal);
}

/// <summary>A pod's annotation that holds JSON in which the server says how it is.</summary>
/// <param name="Annotation">Its key.</param>
/// <param name="Field">The field of the JSON object.</param>
/// <param name="Well">Its values that are no reason to worry.</param>
public sealed record PodReport(string Annotation, string Field, ImmutableHashSet<string> Well);

/// <summary>An object whose state says beforehand that the database will stop taking writes.</summary>
public sealed record AnnouncingResource(ResourceKind Kind, string Name, ImmutableArray<AnnouncingRule> Rules);
