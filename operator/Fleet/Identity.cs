using System.Buffers.Text;
using System.Text.Json;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Fleet;

/// <summary>Who a sidecar is, from a token that the API server vouched for; never from what the sidecar says.</summary>
public sealed record PodIdentity(string Namespace, string Pod, string PodUid)
{
    /// <summary>Null when the hello speaks for the pod and a database of the namespace that the token belongs to.</summary>
    internal Refusal? Refuse(Hello hello)
    {
        if (!Covers(hello.Database))
        {
            return NotYours(
                $"database \"{Checks.Line(hello.Database, 253)}\" is not in namespace {Namespace}, where pod {Pod} is; "
                + "annotate the app with a SessionDatabase of its own namespace");
        }
        return hello.Pod == Pod ? null : NotYours(
            $"hello.pod is \"{Checks.Line(hello.Pod, 253)}\", but the token belongs to pod {Pod}; set --pod to metadata.name");
    }

    /// <summary>The database is in the pod's own namespace: no other is told or heard, or named to it.</summary>
    internal bool Covers(string database) => database.StartsWith(Namespace + "/", StringComparison.Ordinal);

    private static Refusal NotYours(string message) => new() { Code = "not_yours", Message = message };
}

/// <summary>What a token says about itself: enough not to bother the API server with what it would refuse. Proves nothing.</summary>
internal sealed record TokenClaims(IReadOnlyList<string> Audiences, DateTimeOffset EndsAt)
{
    /// <summary>Null when it is no JSON web token with an end.</summary>
    public static TokenClaims? Read(string token)
    {
        if (token.Split('.') is not [_, var payload, _] || !Base64Url.IsValid(payload))
        {
            return null;
        }
        try
        {
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
            return claims.RootElement.ValueKind == JsonValueKind.Object
                && claims.RootElement.TryGetProperty("exp", out var exp) && exp.TryGetInt64(out var seconds)
                && seconds is > 0 and < 253_402_300_800 // the year 10000
                && claims.RootElement.TryGetProperty("aud", out var audience)
                ? new TokenClaims(ReadAudiences(audience), DateTimeOffset.FromUnixTimeSeconds(seconds))
                : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string[] ReadAudiences(JsonElement audience) => audience.ValueKind == JsonValueKind.Array
        ? [.. audience.EnumerateArray().Select(one => one.GetString() ?? "")]
        : [audience.GetString() ?? ""];
}
