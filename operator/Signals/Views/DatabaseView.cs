using System.Collections.Immutable;
using SessionOperator.Operator.Presets;

namespace SessionOperator.Operator.Signals.Views;

/// <summary>All that Kubernetes is known to say about one database, at one moment.</summary>
public sealed record DatabaseView
{
    public static readonly DatabaseView Empty = new();

    /// <summary>By UID.</summary>
    public ImmutableDictionary<string, PodView> Pods { get; init; } = ImmutableDictionary<string, PodView>.Empty;

    /// <summary>A pod with a label that tells roles has been seen: from then on a pod without one is not taken for the primary.</summary>
    public bool RolesSeen { get; init; }

    /// <summary>By name.</summary>
    public ImmutableDictionary<string, SliceView> Slices { get; init; } = ImmutableDictionary<string, SliceView>.Empty;

    public StatefulSetView? StatefulSet { get; init; }

    /// <summary>Nodes that pods run on, by name.</summary>
    public ImmutableDictionary<string, NodeView> Nodes { get; init; } = ImmutableDictionary<string, NodeView>.Empty;

    /// <summary>By index in the preset; null while nothing is known of it.</summary>
    public ImmutableDictionary<int, ResourceView> Resources { get; init; } = ImmutableDictionary<int, ResourceView>.Empty;

    public RequestView Request { get; init; } = RequestView.None;

    public int ReadyEndpoints => Slices.Values.Sum(slice => slice.Ready);

    public DatabaseView With(PodView pod) => this with
    {
        Pods = Pods.SetItem(pod.Uid, pod),
        RolesSeen = RolesSeen || pod.Labels.Count > 0,
    };

    /// <summary>The pods that take writes as far as their labels say; all of them where labels say nothing.</summary>
    public IEnumerable<PodView> Candidates(Preset preset) => Pods.Values.Where(pod => IsCandidate(pod, preset));

    public bool IsCandidate(PodView pod, Preset preset) =>
        preset.Primary.IsEmpty || !RolesSeen || preset.Primary.Any(selector => selector.Matches(pod.Labels));
}
