using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>Says in the log which pod was not injected, and why.</summary>
internal sealed partial class LoggedRefusals(ILogger log) : IRefusals
{
    public void Refused(string ns, JsonObject pod, Verdict verdict) =>
        NotInjected(ns, Json.Text(pod["metadata"], "name") ?? Json.Text(pod["metadata"], "generateName") ?? "", verdict.Skipped!.Value, verdict.Message);

    [LoggerMessage(EventId = 62, Level = LogLevel.Warning, Message = "Pod {Namespace}/{Pod} was not injected ({Reason}): {Message}")]
    private partial void NotInjected(string @namespace, string pod, SkipReason reason, string message);
}
