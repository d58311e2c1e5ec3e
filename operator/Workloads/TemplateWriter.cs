using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Workloads;

/// <summary>Applies annotations to a workload's pod template, and nothing else.</summary>
public static class TemplateWriter
{
    /// <param name="calls">Reaches the API server.</param>
    /// <param name="workload">As it was when this was decided; had it changed since, the server refuses, and there will be news of it.</param>
    /// <param name="annotations">All that the template is to have from us; none: whatever it has from us goes.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="ApiException">It changed, or the annotation is another manager's.</exception>
    /// <exception cref="ApiUnavailableException">No answer in time.</exception>
    public static Task ApplyAsync(ApiCalls calls, Workload workload, ImmutableSortedDictionary<string, string> annotations, CancellationToken cancellation)
    {
        var body = new JsonObject
        {
            ["apiVersion"] = $"{workload.Kind.Resource.Group}/{workload.Kind.Resource.Version}",
            ["kind"] = workload.Kind.Name,
            // With UID and version it is this object in this state: otherwise an apply makes what is not there.
            ["metadata"] = new JsonObject
            {
                ["name"] = workload.Meta.Name,
                ["namespace"] = workload.Meta.Namespace,
                ["uid"] = workload.Meta.Uid,
                ["resourceVersion"] = workload.Meta.ResourceVersion,
            },
        };
        if (!annotations.IsEmpty)
        {
            var carried = new JsonObject(annotations.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
            body["spec"] = new JsonObject { ["template"] = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = carried } } };
        }
        return calls.ApplyAsync<JsonElement>(workload.Path, Workload.Manager, body, cancellation);
    }

    /// <summary>Another manager has written the annotation, with another value.</summary>
    public static bool IsTaken(ApiException refusal) => refusal.Status == System.Net.HttpStatusCode.Conflict && refusal.Message.Contains("Apply failed", StringComparison.Ordinal);
}
