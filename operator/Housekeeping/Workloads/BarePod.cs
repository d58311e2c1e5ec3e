using System.Text.Json;
using System.Text.Json.Nodes;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Housekeeping.Workloads;

/// <summary>A pod that runs without the sidecar it should have.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Database">Name of the SessionDatabase, in the same namespace.</param>
/// <param name="Workload">"Deployment shop/web"; null when it is nobody's that can be rolled out.</param>
/// <param name="Refusal">Why it would not get the sidecar if it were made anew; null when it would.</param>
public sealed record BarePod(string Namespace, string Name, string Database, string? Workload, string? Refusal)
{
    /// <summary>Null when it is as it should be.</summary>
    /// <param name="source">A pod, as the API server has it.</param>
    /// <param name="around">Of its namespace.</param>
    /// <param name="settings">As pods are injected.</param>
    public static BarePod? Read(JsonElement source, Surroundings around, InjectionSettings settings)
    {
        if (JsonObject.Create(source) is not { } pod || pod["metadata"]?["deletionTimestamp"] is not null
            || Json.Text(pod["status"], "phase") is "Succeeded" or "Failed")
        {
            return null;
        }
        var verdict = PodMutation.Decide(pod, around, settings);
        if (verdict.Patch is null && !verdict.IsRefusal)
        {
            return null;
        }
        var database = Json.Annotation(pod, Annotations.Database) is { Length: > 0 } own ? own : around.NamespaceDatabase ?? "";
        return new BarePod(
            around.Namespace, Json.Text(pod["metadata"], "name") ?? "", database[(database.IndexOf('/', StringComparison.Ordinal) + 1)..],
            WorkloadOf(pod, around.Namespace), verdict.Patch is null ? verdict.Message : null);
    }

    /// <summary>The Deployment's name is in that of its ReplicaSet, so that nobody has to be asked: NAME-HASH, and the hash is on the pod.</summary>
    private static string? WorkloadOf(JsonObject pod, string ns)
    {
        foreach (var owner in Json.Items(pod["metadata"], "ownerReferences").Where(owner => owner["controller"]?.GetValue<bool>() == true))
        {
            var (kind, name) = (Json.Text(owner, "kind"), Json.Text(owner, "name") ?? "");
            if (kind is "StatefulSet" or "DaemonSet")
            {
                return $"{kind} {ns}/{name}";
            }
            if (kind == "ReplicaSet" && Json.Text(pod["metadata"]?["labels"], "pod-template-hash") is { Length: > 0 } hash && name.EndsWith($"-{hash}", StringComparison.Ordinal))
            {
                return $"Deployment {ns}/{name[..^(hash.Length + 1)]}";
            }
        }
        return null;
    }
}
