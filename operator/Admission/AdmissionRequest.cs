using System.Text.Json;
using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Admission;

/// <summary>What the API server asks about, from an AdmissionReview of admission.k8s.io/v1. KubernetesClient has no class for it.</summary>
/// <param name="Uid">Goes back with the answer.</param>
/// <param name="Namespace">Of the object; empty for objects without one.</param>
/// <param name="Operation">CREATE, UPDATE, DELETE or CONNECT.</param>
/// <param name="DryRun">Nothing will be stored, so nothing may be done outside of the answer.</param>
/// <param name="Subject">The object; null where there is none (DELETE).</param>
/// <param name="OldSubject">The object as it is; null for CREATE.</param>
public sealed record AdmissionRequest(
    string Uid, string Namespace, string Operation, bool DryRun, JsonObject? Subject, JsonObject? OldSubject)
{
    /// <exception cref="FormatException">This is no AdmissionReview.</exception>
    public static AdmissionRequest Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            var request = JsonNode.Parse(body)?["request"]?.AsObject() ?? throw new FormatException("there is no \"request\" in it");
            return new AdmissionRequest(
                request["uid"]?.GetValue<string>() ?? throw new FormatException("there is no \"request.uid\" in it"),
                request["namespace"]?.GetValue<string>() ?? "",
                request["operation"]?.GetValue<string>() ?? "",
                request["dryRun"]?.GetValue<bool>() ?? false,
                request["object"]?.AsObject(),
                request["oldObject"]?.AsObject());
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            throw new FormatException(broken.Message, broken);
        }
    }
}

/// <summary>The answer. Whatever it says besides, the request is allowed.</summary>
/// <param name="Patch">JSON patch of the object, null for none.</param>
/// <param name="Warning">What the person who sent the request is told, in one line; null for nothing.</param>
public sealed record AdmissionAnswer(JsonArray? Patch, string? Warning)
{
    /// <summary>The API server cuts a warning off after 256 characters.</summary>
    private const int LongestWarning = 250;

    public static readonly AdmissionAnswer Nothing = new(null, null);

    public string ToReview(string uid)
    {
        var response = new JsonObject { ["uid"] = uid, ["allowed"] = true };
        if (Patch is not null)
        {
            response["patchType"] = "JSONPatch";
            response["patch"] = Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes<JsonNode>(Patch));
        }
        if (Warning is not null)
        {
            response["warnings"] = new JsonArray(Warning.Length > LongestWarning ? Warning[..LongestWarning] + "..." : Warning);
        }
        return new JsonObject { ["apiVersion"] = "admission.k8s.io/v1", ["kind"] = "AdmissionReview", ["response"] = response }.ToJsonString();
    }
}
