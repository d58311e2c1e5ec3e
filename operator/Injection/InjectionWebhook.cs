using System.Text.Json.Nodes;
using SessionOperator.Operator.Admission;
using SessionOperator.Operator.Metrics;

namespace SessionOperator.Operator.Injection;

/// <summary>What is known around a pod, from memory.</summary>
public interface ISurroundings
{
    /// <summary>The surroundings of pods in that namespace.</summary>
    Surroundings Of(string ns);
}

/// <summary>Hears of pods that asked for the injection and did not get it. Must return at once.</summary>
public interface IRefusals
{
    /// <param name="ns">The pod's namespace.</param>
    /// <param name="pod">The pod; it may have no name yet.</param>
    /// <param name="verdict">Reason and message.</param>
    void Refused(string ns, JsonObject pod, Verdict verdict);
}

/// <summary>Answers for pods that are being created: from memory, unless that does not know the SessionDatabase they name.</summary>
public sealed class InjectionWebhook(
    InjectionSettings settings, ISurroundings surroundings, DatabasesNow databases, InjectionMetrics metrics, IRefusals refusals)
{
    /// <summary>Where the chart's webhook configuration points.</summary>
    public const string Path = "/inject";

    public async ValueTask<AdmissionAnswer> AnswerAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Operation != "CREATE" || request.Subject is not { } pod)
        {
            return AdmissionAnswer.Nothing;
        }
        var around = surroundings.Of(request.Namespace);
        var verdict = PodMutation.Decide(pod, around, settings);
        if (verdict.Skipped == SkipReason.UnknownDatabase && await databases.NamesAsync(request.Namespace, cancellation) is { } names)
        {
            verdict = PodMutation.Decide(pod, around with { Databases = names }, settings);
        }
        metrics.Reviews.WithLabels(verdict.Skipped?.ToString() ?? "Injected").Inc();
        if (!verdict.IsRefusal)
        {
            return new AdmissionAnswer(verdict.Patch, null);
        }
        if (!request.DryRun)
        {
            refusals.Refused(request.Namespace, pod, verdict);
        }
        return new AdmissionAnswer(null, $"session-operator did not inject this pod ({verdict.Skipped}): {verdict.Message}");
    }
}
