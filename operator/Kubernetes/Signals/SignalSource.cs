using SessionOperator.Operator.Api;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>What a SessionDatabase's spec says of where its signals come from.</summary>
internal static class SignalSource
{
    /// <exception cref="FormatException">A selector is none; the message says what to write.</exception>
    public static Preset Preset(SessionDatabaseSpec spec)
    {
        var preset = Pods(spec.Pods);
        return spec.Service is { Length: > 0 } service ? preset with { Services = [service] } : preset;
    }

    public static string Namespace(SessionDatabase database) =>
        database.Spec.Pods?.Namespace is { Length: > 0 } ns ? ns : database.Metadata.Namespace;

    public static RequestView Request(SessionDatabase database) => new(
        database.Spec.Maintenance?.Until, Fleet.Checks.Line(database.Spec.Maintenance?.Reason ?? "", 200),
        database.Metadata.Annotations.GetValueOrDefault(Annotations.Drill) ?? "");

    private static Preset Pods(PodsSpec? pods)
    {
        if (pods is null)
        {
            return Presets.Preset.Own("", null);
        }
        var primary = pods.PrimarySelector is { Length: > 0 } own ? Selector("primarySelector", own) : null;
        if (pods.Cluster is not { Length: > 0 } cluster)
        {
            return Presets.Preset.Own(Selector("selector", pods.Selector ?? "").Text, primary);
        }
        var preset = PresetCatalog.All[pods.Preset ?? "statefulset"].For(cluster);
        preset = pods.Selector is { Length: > 0 } selector ? preset with { Pods = Selector("selector", selector).Text } : preset;
        return primary is null ? preset : preset with { Primary = [primary] };
    }

    private static LabelSelector Selector(string field, string text)
    {
        try
        {
            return LabelSelector.Parse(text);
        }
        catch (FormatException wrong)
        {
            throw new FormatException($"spec.pods.{field} is no selector ({wrong.Message}); write {LabelSelector.Write}", wrong);
        }
    }
}
