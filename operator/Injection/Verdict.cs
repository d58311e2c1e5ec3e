using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>What becomes of a pod: a JSON patch (RFC 6902), or nothing and why. Either way it is allowed.</summary>
/// <param name="Patch">Null when the pod stays as it is.</param>
/// <param name="Skipped">Null when it is patched.</param>
/// <param name="Message">For people: what is wrong and what to write instead; empty when nothing is.</param>
public sealed record Verdict(JsonArray? Patch, SkipReason? Skipped, string Message)
{
    /// <summary>Somebody asked for the injection and does not get it: worth a warning and an event.</summary>
    public bool IsRefusal => Skipped is not (null or SkipReason.NotAsked or SkipReason.OptedOut or SkipReason.AlreadyInjected);
}

/// <summary>Ends the making of a patch: the pod stays as it is.</summary>
internal sealed class SkipException(SkipReason reason, string message) : Exception(message)
{
    public SkipReason Reason { get; } = reason;
}
