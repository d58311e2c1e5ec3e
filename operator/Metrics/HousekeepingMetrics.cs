using Prometheus;

namespace SessionOperator.Operator.Metrics;

/// <summary>What one replica does for all: see operator/Housekeeping.</summary>
public sealed class HousekeepingMetrics
{
    private readonly Counter _events;

    /// <param name="registry">Where.</param>
    /// <param name="leads">Whether this replica does the housekeeping now.</param>
    public HousekeepingMetrics(CollectorRegistry registry, Func<bool>? leads = null)
    {
        var make = Prometheus.Metrics.WithCustomRegistry(registry);
        var leader = make.CreateGauge("session_operator_leader", "Whether this replica does the housekeeping (events, conditions): 1, else 0.");
        _events = make.CreateCounter("session_operator_events_total", "Kubernetes events, by what became of them.", "outcome");
        Leads = leads;
        registry.AddBeforeCollectCallback(() => leader.Set(Leads?.Invoke() == true ? 1 : 0));
    }

    public Func<bool>? Leads { get; set; }

    internal void Event(string outcome) => _events.WithLabels(outcome).Inc();
}
