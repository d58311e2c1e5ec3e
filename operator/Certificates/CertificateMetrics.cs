using Prometheus;

namespace SessionOperator.Operator.Certificates;

/// <summary>What is exposed about certificates.</summary>
public sealed class CertificateMetrics
{
    public CertificateMetrics(CollectorRegistry registry)
    {
        var make = Prometheus.Metrics.WithCustomRegistry(registry);
        Expiry = make.CreateGauge(
            "session_operator_certificate_expiry_timestamp_seconds",
            "When a certificate in use ends, as seconds since 1970: serving (what the operator shows), authority (the newest of the bundle).",
            "certificate");
        Rotations = make.CreateCounter(
            "session_operator_certificate_rotations_total", "Certificates that this replica made or read, by kind.", "certificate");
        foreach (var kind in new[] { "serving", "authority" })
        {
            Rotations.WithLabels(kind).Publish();
        }
    }

    public Gauge Expiry { get; }

    public Counter Rotations { get; }
}
