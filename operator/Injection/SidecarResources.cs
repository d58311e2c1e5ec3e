using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>The sidecar's requests and limits, so that they do not change how the node treats the app.</summary>
internal static class SidecarResources
{
    private const string Storage = "ephemeral-storage";
    private static readonly string[] s_guaranteed = ["cpu", "memory"];

    public static JsonObject For(JsonObject pod, JsonObject configured)
    {
        var requests = configured["requests"]?.DeepClone().AsObject() ?? [];
        var limits = configured["limits"]?.DeepClone().AsObject() ?? [];
        List<JsonObject> containers = [.. Json.List(pod, "containers"), .. Json.List(pod, "initContainers")];
        // The limits of all containers together bound the whole pod, as soon as one has such a limit. The journal needs its
        // share then; without one, a limit of ours alone would have the app evicted for its own files.
        if (containers.Any(container => Of(container, "limits", Storage) is not null))
        {
            limits[Storage] ??= "544Mi";
            requests[Storage] ??= "32Mi";
        }
        if (containers.All(IsGuaranteed))
        {
            limits["cpu"] ??= "100m";
            limits["memory"] ??= "192Mi";
            requests["cpu"] = limits["cpu"]!.DeepClone();
            requests["memory"] = limits["memory"]!.DeepClone();
        }
        var resources = new JsonObject();
        if (limits.Count > 0)
        {
            resources["limits"] = limits;
        }
        if (requests.Count > 0)
        {
            resources["requests"] = requests;
        }
        return resources;
    }

    /// <summary>Class Guaranteed: limits for both, and requests, where there are any, equal to them.</summary>
    private static bool IsGuaranteed(JsonObject container) => s_guaranteed.All(resource =>
        Of(container, "limits", resource) is { } limit && (Of(container, "requests", resource) ?? limit) == limit);

    private static string? Of(JsonObject container, string kind, string resource) => container["resources"]?[kind]?[resource]?.ToString();
}
