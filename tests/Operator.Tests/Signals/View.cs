using System.Collections.Immutable;
using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Operator.Tests.Signals;

/// <summary>Builds what is known of a database, from the words of a test.</summary>
internal static class View
{
    public static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    public static readonly Preset Cnpg = PresetCatalog.All["cloudnative-pg"].For("orders");
    public static readonly Preset Plain = PresetCatalog.All["statefulset"].For("orders");

    public static PodView Pod(string name, string? role = null, bool ready = true) => new()
    {
        Uid = "uid-" + name,
        Name = name,
        Ready = ready,
        Container = ContainerState.Running,
        Node = "node-" + name,
        Labels = role is null ? ImmutableDictionary<string, string>.Empty
            : ImmutableDictionary<string, string>.Empty.Add("cnpg.io/instanceRole", role),
    };

    public static DatabaseView Of(params PodView[] pods) => pods.Aggregate(DatabaseView.Empty, (view, pod) => view.With(pod));

    public static DatabaseView Without(this DatabaseView view, string pod) => view with { Pods = view.Pods.Remove("uid-" + pod) };

    /// <summary>What was seen between the two, as "Kind:Signal subject words".</summary>
    public static string[] Seen(DatabaseView before, DatabaseView after, Preset? preset = null) =>
        [.. Sightings.Between(before, after, preset ?? Cnpg, Now).Select(Words)];

    public static string Words(Sighting sighting) =>
        $"{sighting.Kind}:{sighting.Signal?.Kind.ToString() ?? "arms"} {sighting.Subject} {sighting.Words}";

    public static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    public static ObjectMeta Meta(string name) => new("shop", name, "uid-" + name, "1");
}
