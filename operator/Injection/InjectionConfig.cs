using System.Text.Json.Nodes;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Standalone;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Injection;

/// <summary>What the configuration says about sidecars and their injection.</summary>
/// <param name="Enabled">Pods are injected at all.</param>
/// <param name="Heal">Workloads whose pods lack the injection are rolled out again.</param>
/// <param name="Settings">What is the same for every pod.</param>
public sealed record InjectionConfig(bool Enabled, bool Heal, InjectionSettings Settings)
{
    private const int GrpcPort = 7443;
    private const string Flag = "true or false";

    /// <exception cref="ConfigException">Something is missing, unknown or out of range.</exception>
    public static InjectionConfig Read(KubernetesConfig config)
    {
        var injection = config.Injection.Fields("enabled", "heal");
        var enabled = injection is not null && Switch(injection, "enabled", without: true);
        var sidecar = config.Sidecar.Fields("image", "pullPolicy", "resources");
        if (enabled && sidecar is null)
        {
            throw new ConfigException($"{config.Injection.File}: sidecar is missing; write sidecar: {{ image: ... }}, or injection: {{ enabled: false }}");
        }
        var image = enabled ? sidecar!.Text("image", "the sidecar's image") : "";
        // The Service's name, which the certificate vouches for.
        var address = new Uri($"https://{config.Release}.{config.PodNamespace}.svc:{GrpcPort}");
        return new InjectionConfig(
            enabled,
            enabled && Switch(injection!, "heal", without: false),
            new InjectionSettings(image, config.PodNamespace, address)
            {
                PullPolicy = sidecar?.Find("pullPolicy") is null ? null : PullPolicy(sidecar),
                Resources = sidecar?.Find("resources") is { } resources ? Tree(resources) as JsonObject ?? [] : [],
            });
    }

    private static bool Switch(YamlFields fields, string field, bool without) => fields.Find(field) is null ? without : fields.Text(field, Flag) switch
    {
        "true" => true,
        "false" => false,
        var other => throw fields.Complaint(fields.Find(field)!, fields.At(field), $"is \"{other}\"; write {Flag}"),
    };

    private static string PullPolicy(YamlFields fields)
    {
        const string Write = "Always, IfNotPresent or Never";
        return fields.Text("pullPolicy", Write) is "Always" or "IfNotPresent" or "Never"
            ? fields.Text("pullPolicy", Write)
            : throw fields.Complaint(fields.Find("pullPolicy")!, fields.At("pullPolicy"), $"is \"{fields.Find("pullPolicy")}\"; write {Write}");
    }

    /// <summary>Quantities may be written as numbers or as text: the API server takes text for both.</summary>
    private static JsonNode? Tree(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(pair => KeyValuePair.Create(pair.Key.ToString(), Tree(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Tree)]),
        _ => node.ToString(),
    };
}
