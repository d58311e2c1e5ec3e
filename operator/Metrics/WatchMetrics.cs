using Prometheus;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Metrics;

/// <summary>The metrics of what is watched in Kubernetes and seen there.</summary>
internal sealed class WatchMetrics
{
    private readonly Counter _sightings;

    public WatchMetrics(CollectorRegistry registry)
    {
        var make = Prometheus.Metrics.WithCustomRegistry(registry);
        var age = make.CreateGauge("session_operator_watch_age_seconds", "Time since the API server last proved that the watch lives; the oldest of its kind.", "resource");
        var ends = make.CreateCounter("session_operator_watch_ends_total", "Ends of lists and watches, by reason; Closed is normal.", "resource", "reason");
        _sightings = make.CreateCounter("session_operator_sightings_total", "What was seen of a database in Kubernetes, by kind.", "database", "kind");
        Directory = new WatchDirectory((kind, reason) => ends.WithLabels(kind.ToString(), reason.ToString()).Inc());
        registry.AddBeforeCollectCallback(() =>
        {
            var oldest = Directory.Running.GroupBy(health => health.Target.Kind.ToString()).ToDictionary(kind => kind.Key, kind => kind.Max(health => health.Age));
            foreach (var gone in Series.Values(age).Where(labels => !oldest.ContainsKey(labels[0])).ToArray())
            {
                age.RemoveLabelled(gone);
            }
            foreach (var (kind, time) in oldest)
            {
                age.WithLabels(kind).Set(time.TotalSeconds);
            }
        });
    }

    public WatchDirectory Directory { get; }

    /// <summary>Ends the series of a database that is no more.</summary>
    public void Forget(string database) => Series.Remove(_sightings, database);

    public void Saw(string database, SightingKind kind) => _sightings.WithLabels(database, kind.ToString()).Inc();
}
