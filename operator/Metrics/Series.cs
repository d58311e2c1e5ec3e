using Prometheus;

namespace SessionOperator.Operator.Metrics;

/// <summary>Ends series: what is no more must not be exposed with its last value.</summary>
internal static class Series
{
    /// <summary>Removes all series whose first label has that value.</summary>
    public static void Remove(Collector collector, string first)
    {
        Action<string[]> remove = collector switch
        {
            Gauge gauge => gauge.RemoveLabelled,
            Counter counter => counter.RemoveLabelled,
            Histogram histogram => histogram.RemoveLabelled,
            _ => throw new ArgumentException($"{collector.Name} is of a kind that is not used here; add it", nameof(collector)),
        };
        Values(collector).Where(values => values[0] == first).ToList().ForEach(remove);
    }

    /// <summary>The label values of a collector's series.</summary>
    public static IEnumerable<string[]> Values(Collector collector) => collector switch
    {
        Gauge gauge => gauge.GetAllLabelValues(),
        Counter counter => counter.GetAllLabelValues(),
        Histogram histogram => histogram.GetAllLabelValues(),
        _ => [],
    };
}
