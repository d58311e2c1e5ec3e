using System.Diagnostics;

namespace SessionOperator.Benchmarks;

/// <summary>Durations of one kind, in milliseconds.</summary>
internal sealed class Samples(string name)
{
    private readonly List<double> _values = [];

    public string Name => name;

    public int Count => _values.Count;

    public void Add(long from, long to) => _values.Add(Stopwatch.GetElapsedTime(from, to).TotalMilliseconds);

    /// <summary>The smallest value that at least this part of all values does not exceed.</summary>
    public double Quantile(double part)
    {
        var sorted = _values.Order().ToList();
        return sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Count) - 1)];
    }
}
