using System.Collections.Immutable;
using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Presets;

namespace SessionOperator.Operator.Signals.Views;

/// <summary>Which parts of a pod a preset looks at. Part of what makes two pod watches the same.</summary>
/// <param name="Labels">Keys of the labels that tell the primary, sorted and joined by commas.</param>
/// <param name="Container">The database's container; empty when only the pod as a whole counts.</param>
/// <param name="Report">Null for none.</param>
public sealed record PodFields(string Labels, string Container, PodReport? Report)
{
    public static PodFields Of(Preset preset) =>
        new(string.Join(',', preset.RoleLabels.Order(StringComparer.Ordinal)), preset.Container, preset.Report);
}

/// <summary>What the database's container does.</summary>
public enum ContainerState
{
    /// <summary>Nothing is known of it, or no container is looked at.</summary>
    Unknown,
    Running,

    /// <summary>Terminated, or waiting to be started again.</summary>
    Down,
}

/// <summary>A database pod, boiled down to what signals are made of.</summary>
public sealed record PodView
{
    public required string Uid { get; init; }

    public required string Name { get; init; }

    /// <summary>The labels of interest that it has.</summary>
    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    public bool Ready { get; init; }

    public ContainerState Container { get; init; }

    public long Restarts { get; init; }

    /// <summary>Why the container ended last, such as "OOMKilled, exit code 137"; empty when it never did.</summary>
    public string LastExit { get; init; } = "";

    /// <summary>When it will be gone at the latest, if it was told to go: the time of the request and the grace period.</summary>
    public DateTimeOffset? Deleting { get; init; }

    public string Node { get; init; } = "";

    /// <summary>Label controller-revision-hash: which revision of its StatefulSet it is of.</summary>
    public string Revision { get; init; } = "";

    /// <summary>What the server says of itself, if it is a reason to worry; else empty.</summary>
    public string Unwell { get; init; } = "";

    /// <summary>As far as Kubernetes knows it can serve.</summary>
    public bool Serves => Ready && Deleting is null && Container != ContainerState.Down;

    public static PodView Read(JsonElement source, ObjectMeta meta, PodFields fields)
    {
        var status = source.At("status");
        var (state, restarts, exit) = ContainerOf(status, fields.Container);
        var labels = source.At("metadata", "labels");
        return new PodView
        {
            Uid = meta.Uid,
            Name = meta.Name,
            Labels = fields.Labels.Split(',', StringSplitOptions.RemoveEmptyEntries)
                .Select(key => (key, value: labels.Text(key))).Where(label => label.value is not null)
                .ToImmutableDictionary(label => label.key, label => label.value!),
            Ready = status.Items("conditions").Any(condition => condition.Text("type") == "Ready" && condition.Text("status") == "True"),
            Container = state,
            Restarts = restarts,
            LastExit = exit,
            Deleting = source.At("metadata").Time("deletionTimestamp"),
            Node = source.At("spec").Text("nodeName") ?? "",
            Revision = labels.Text("controller-revision-hash") ?? "",
            Unwell = Report(source, fields.Report),
        };
    }

    private static (ContainerState State, long Restarts, string Exit) ContainerOf(JsonElement status, string name)
    {
        var container = name.Length == 0 ? default : status.Items("containerStatuses").FirstOrDefault(c => c.Text("name") == name);
        var state = container.At("state");
        var ended = state.At("terminated").ValueKind == JsonValueKind.Object ? state.At("terminated") : container.At("lastState", "terminated");
        var exit = ended.ValueKind == JsonValueKind.Object
            ? $"{ended.Text("reason") ?? "no reason"}, exit code {ended.Number("exitCode") ?? 0}" : "";
        var word = state.At("running").ValueKind == JsonValueKind.Object ? ContainerState.Running
            : state.ValueKind == JsonValueKind.Object && state.EnumerateObject().Any() ? ContainerState.Down : ContainerState.Unknown;
        return (word, container.Number("restartCount") ?? 0, exit);
    }

    private static string Report(JsonElement source, PodReport? report)
    {
        if (report is null || source.At("metadata", "annotations").Text(report.Annotation) is not { } text)
        {
            return "";
        }
        try
        {
            using var said = JsonDocument.Parse(text);
            return said.RootElement.Text(report.Field) is { } value && !report.Well.Contains(value) ? Fleet.Checks.Line(value, 60) : "";
        }
        catch (JsonException)
        {
            // Written by somebody else: what cannot be understood says nothing.
            return "";
        }
    }
}
