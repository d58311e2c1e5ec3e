using Prometheus;

namespace SessionOperator.Operator.Metrics;

/// <summary>Names and help of everything on /metrics, in one registry of its own.</summary>
internal sealed class OperatorMetrics
{
    private static readonly double[] s_seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30];

    public OperatorMetrics(CollectorRegistry registry)
    {
        var make = Prometheus.Metrics.WithCustomRegistry(registry);
        Phase = make.CreateGauge("session_operator_phase", "1 for the phase the database is believed to be in, 0 for the others.", "database", "phase");
        Mode = make.CreateGauge("session_operator_mode", "1 for the mode the apps are told, 0 for the others.", "database", "mode");
        Epoch = make.CreateGauge("session_operator_epoch", "Number of the decision in force.", "database");
        Transitions = make.CreateCounter("session_operator_transitions_total", "Transitions, by what was reached and why.", "database", "phase", "mode", "cause");
        Fleet = make.CreateGauge("session_operator_fleet_sidecars", "Sidecars: connected to this replica; of these acked (the epoch in force), stale (silent for over 10 s), autonomous, prober.", "database", "state");
        Unsaved = make.CreateGauge("session_operator_unsaved_records", "Acknowledged session changes the database has not seen, summed over the sidecars connected to this replica.", "database");
        Records = make.CreateCounter("session_operator_records_total", "Session changes rescued, replayed and dropped, as reported by sidecars.", "database", "outcome");
        Probes = make.CreateCounter("session_operator_probe_results_total", "Probe results, by verdict.", "database", "verdict");
        RefusedSaves = make.CreateCounter("session_operator_refused_saves_total", "Session saves of apps that the database refused, as reported, by verdict.", "database", "verdict");
        Condition = make.CreateGauge("session_operator_condition", "1 while a sidecar says the database is Misconfigured or Saturated for it.", "database", "condition");
        Handovers = make.CreateCounter("session_operator_handover_batches_total", "Batches of unsaved session changes that leaving sidecars handed over, by outcome.", "database", "outcome");
        Stranded = make.CreateCounter("session_operator_stranded_records_total", "Unsaved session changes that left with their sidecar because nobody took them.", "database");
        SignalToDecision = make.CreateHistogram("session_operator_signal_to_decision_seconds", "From the first signal to the decision it led to.", ["database"], new HistogramConfiguration { Buckets = s_seconds });
        DecisionToAck = make.CreateHistogram("session_operator_decision_to_ack_seconds", "From a decision to one sidecar's word that it is in force.", ["database"], new HistogramConfiguration { Buckets = s_seconds });
    }

    /// <summary>Ends the series of a database that is no more.</summary>
    public void Forget(string database)
    {
        foreach (var collector in new Collector[]
        {
            Phase, Mode, Epoch, Transitions, Fleet, Unsaved, Records, Probes, RefusedSaves, Condition, Handovers, Stranded, SignalToDecision, DecisionToAck,
        })
        {
            Series.Remove(collector, database);
        }
    }

    public Gauge Phase { get; }

    public Gauge Mode { get; }

    public Gauge Epoch { get; }

    public Counter Transitions { get; }

    public Gauge Fleet { get; }

    public Gauge Unsaved { get; }

    public Counter Records { get; }

    public Counter Probes { get; }

    public Counter RefusedSaves { get; }

    public Gauge Condition { get; }

    public Counter Handovers { get; }

    public Counter Stranded { get; }

    public Histogram SignalToDecision { get; }

    public Histogram DecisionToAck { get; }
}
