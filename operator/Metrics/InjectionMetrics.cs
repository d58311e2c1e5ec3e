using Prometheus;

namespace SessionOperator.Operator.Metrics;

/// <summary>What becomes of pods that are created, and of the workloads they belong to.</summary>
public sealed class InjectionMetrics
{
    public InjectionMetrics(CollectorRegistry registry)
    {
        var make = Prometheus.Metrics.WithCustomRegistry(registry);
        Reviews = make.CreateCounter("session_operator_injection_reviews_total", "Pods that were about to be created, by what became of them: Injected, or the reason why not.", "outcome");
    }

    public Counter Reviews { get; }
}
