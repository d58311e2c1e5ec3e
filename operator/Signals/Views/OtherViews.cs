using System.Collections.Immutable;
using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Presets;

namespace SessionOperator.Operator.Signals.Views;

/// <summary>An EndpointSlice, in either version: how many of its endpoints are ready.</summary>
public sealed record SliceView(string Name, int Ready)
{
    public static SliceView Read(JsonElement source, ObjectMeta meta) => new(
        meta.Name,
        // A condition that is not there means ready, says the API.
        source.Items("endpoints").Count(endpoint => endpoint.At("conditions").Flag("ready") ?? true));
}

/// <summary>A node, as far as it concerns pods that run on it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Leaving">Why it will be emptied, as far as can be seen; empty when it will not.</param>
public sealed record NodeView(string Name, string Leaving)
{
    /// <summary>What autoscalers put on a node that they are about to remove.</summary>
    private static readonly ImmutableHashSet<string> s_leaving =
        ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption"];

    public static NodeView Read(JsonElement source, ObjectMeta meta)
    {
        var spec = source.At("spec");
        var taint = spec.Items("taints").Select(taint => taint.Text("key") ?? "").FirstOrDefault(s_leaving.Contains);
        return new NodeView(meta.Name, spec.Flag("unschedulable") == true ? "cordoned" : taint is null ? "" : $"tainted {taint}");
    }
}

/// <summary>A StatefulSet: whether a rollout is under way.</summary>
public sealed record StatefulSetView(string Name, string Current, string Update)
{
    public bool IsRolling => Current.Length > 0 && Update.Length > 0 && Current != Update;

    public static StatefulSetView Read(JsonElement source, ObjectMeta meta)
    {
        var status = source.At("status");
        return new StatefulSetView(meta.Name, status.Text("currentRevision") ?? "", status.Text("updateRevision") ?? "");
    }
}

/// <summary>An announcing object: which of its rules are true now.</summary>
/// <param name="Name">Plural and name, for people.</param>
/// <param name="True">Indexes of the true rules, as bits; a preset has a few.</param>
public sealed record ResourceView(string Name, ulong True)
{
    public static ResourceView Read(JsonElement source, AnnouncingResource resource)
    {
        var bits = 0UL;
        for (var i = 0; i < resource.Rules.Length; i++)
        {
            bits |= resource.Rules[i].IsTrueOf(source) ? 1UL << i : 0;
        }
        return new ResourceView($"{resource.Kind.Plural}/{resource.Name}", bits);
    }
}

/// <summary>What a SessionDatabase asks for itself.</summary>
/// <param name="Until">End of the maintenance; null for none.</param>
/// <param name="Why">Its reason, one line.</param>
/// <param name="Drill">The drill annotation as it was written; empty for none.</param>
public sealed record RequestView(DateTimeOffset? Until, string Why, string Drill)
{
    public static readonly RequestView None = new(null, "", "");
}
