using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Metrics;

/// <summary>Turns the totals sidecars report since their start into what was added since the last report.</summary>
internal sealed class RecordTotals
{
    private const int MaxRemembered = 20_000;
    private readonly Dictionary<string, (ulong Rescued, ulong Replayed, ulong Dropped)> _last = [];

    /// <summary>The first report of a sidecar that is new to us counts in full.</summary>
    public (ulong Rescued, ulong Replayed, ulong Dropped) Since(string id, Status status)
    {
        var last = _last.GetValueOrDefault(id);
        if (_last.Count >= MaxRemembered && !_last.ContainsKey(id))
        {
            _last.Clear();
        }
        _last[id] = (status.Rescued, status.Replayed, status.Dropped);
        return (Added(last.Rescued, status.Rescued), Added(last.Replayed, status.Replayed), Added(last.Dropped, status.Dropped));
    }

    private static ulong Added(ulong before, ulong now) => now >= before ? now - before : now;
}
