using Prometheus;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Metrics;

/// <summary>What becomes of pods that are created, and of the workloads they belong to.</summary>
public sealed class InjectionMetrics
{
    public InjectionMetrics(CollectorRegistry registry)
    {
        var make = Prometheus.Metrics.WithCustomRegistry(registry);
        Reviews = make.CreateCounter("session_operator_injection_reviews_total", "Pods that were about to be created, by what became of them: Injected, or the reason why not.", "outcome");
        // From 0 on: Prometheus sees no increase in a counter that begins with 1.
        foreach (var outcome in Enum.GetNames<SkipReason>().Append("Injected"))
        {
            Reviews.WithLabels(outcome).Publish();
        }
    }

    public Counter Reviews { get; }
}
