using Prometheus;
using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar;

/// <summary>What the sidecar exposes at /metrics; documented in docs/reference/metrics.md.</summary>
internal static class SidecarMetrics
{
    private const string P = "session_operator_sidecar_";

    public static readonly Gauge Mode = Metrics.CreateGauge(P + "mode", "Mode in force: 0 Normal, 1 SkipSave, 2 Cache, 3 Drain.");
    public static readonly Gauge Epoch = Metrics.CreateGauge(P + "epoch", "The operator's epoch last obeyed.");
    public static readonly Gauge Autonomous = Metrics.CreateGauge(P + "autonomous", "1 while the sidecar decides alone.");
    public static readonly Gauge Connected = Metrics.CreateGauge(P + "operator_connected", "1 while the operator's stream is up.");
    public static readonly Gauge Unsaved = Metrics.CreateGauge(P + "records_unsaved", "Acknowledged session changes the database has not seen.");
    public static readonly Gauge CacheOk = Metrics.CreateGauge(P + "cache_up", "1 if the shared cache answered last.");
    public static readonly Gauge Overflowed = Metrics.CreateGauge(P + "records_overflowed", "Optional records dropped because the journal was full.");
    public static readonly Counter Transitions = Metrics.CreateCounter(P + "transitions_total", "Changes of the mode, by new mode and who decided.", "mode", "by");
    public static readonly Counter Probes = Metrics.CreateCounter(P + "probes_total", "Probes by verdict.", "verdict");
    public static readonly Counter Requests = Metrics.CreateCounter(P + "requests_total", "Requests of the local API by kind and outcome.", "request", "status");
    public static readonly Counter Rescued = Metrics.CreateCounter(P + "rescued_total", "Session operations completed that the framework would have failed.");
    public static readonly Counter Degraded = Metrics.CreateCounter(P + "degraded_total", "Session changes acknowledged that the shared cache did not take.");
    public static readonly Counter Replayed = Metrics.CreateCounter(P + "records_replayed_total", "Records brought to the database, by what was done.", "action");
    public static readonly Counter Dropped = Metrics.CreateCounter(P + "records_dropped_total", "Records not written, by reason.", "reason");
    public static readonly Counter HandedOver = Metrics.CreateCounter(P + "handed_over_total", "Unsaved changes handed to another sidecar (out) or taken from one (in).", "direction");
    public static readonly Gauge Stranded = Metrics.CreateGauge(P + "records_stranded", "Unsaved changes of this leaving sidecar that no other sidecar takes.");
    public static readonly Counter ReplayErrors = Metrics.CreateCounter(P + "replay_errors_total", "Replay rounds the database did not carry out.");

    /// <summary>From 0 on: Prometheus sees no increase in a counter that begins with 1, and no alert would fire.</summary>
    static SidecarMetrics()
    {
        foreach (var reason in Enum.GetNames<DropReason>().Where(name => name != nameof(DropReason.None)).Append("refused"))
        {
            Dropped.WithLabels(reason.ToLowerInvariant()).Publish();
        }
    }
}
