using System.Text.Json.Nodes;
using SessionOperator.Operator.Admission;
using SessionOperator.Operator.Metrics;

namespace SessionOperator.Operator.Injection;

/// <summary>What is known around a pod, from memory: a review waits for nobody.</summary>
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

/// <summary>Answers for pods that are being created.</summary>
public sealed class InjectionWebhook(InjectionSettings settings, ISurroundings surroundings, InjectionMetrics metrics, IRefusals refusals)
{
    /// <summary>Where the chart's webhook configuration points.</summary>
    public const string Path = "/inject";

    public ValueTask<AdmissionAnswer> AnswerAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Operation != "CREATE" || request.Subject is not { } pod)
        {
            return ValueTask.FromResult(AdmissionAnswer.Nothing);
        }
        var verdict = PodMutation.Decide(pod, surroundings.Of(request.Namespace), settings);
        metrics.Reviews.WithLabels(verdict.Skipped?.ToString() ?? "Injected").Inc();
        if (!verdict.IsRefusal)
        {
            return ValueTask.FromResult(new AdmissionAnswer(verdict.Patch, null));
        }
        if (!request.DryRun)
        {
            refusals.Refused(request.Namespace, pod, verdict);
        }
        return ValueTask.FromResult(new AdmissionAnswer(null, $"session-operator did not inject this pod ({verdict.Skipped}): {verdict.Message}"));
    }
}
