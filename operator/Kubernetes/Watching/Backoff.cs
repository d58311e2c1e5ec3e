namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>Pauses that double up to a cap, each shortened by a random part, so that many do not come back at once.</summary>
/// <param name="first">The first pause.</param>
/// <param name="longest">The longest one.</param>
/// <param name="random">0 to 1; null for a real one.</param>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, Func<double>? random = null)
{
    private readonly Func<double> _random = random ?? Random.Shared.NextDouble;
    private int _doublings;

    /// <summary>At least half of what the doubling came to.</summary>
    public TimeSpan Next()
    {
        var whole = first * Math.Pow(2, _doublings);
        if (whole < longest)
        {
            _doublings++;
        }
        return (whole < longest ? whole : longest) * (1 - (_random() / 2));
    }

    public void Reset() => _doublings = 0;
}
