using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Metrics;

/// <summary>Session changes since the last report.</summary>
internal readonly record struct Records(ulong Rescued, ulong Replayed, ulong Dropped);

/// <summary>Turns the totals sidecars report since their start into what was added since the last report.</summary>
internal sealed class RecordTotals
{
    private const int MaxRemembered = 20_000;
    private readonly Dictionary<string, Records> _last = [];

    /// <summary>
    /// What a sidecar that is new to us has done counts in full, unless it obeyed an operator before: then another replica, or this
    /// one before it was started anew, has counted it.
    /// </summary>
    /// <param name="id">The sidecar.</param>
    /// <param name="status">Its report.</param>
    /// <param name="counted">It obeyed an operator before it connected here.</param>
    public Records Since(string id, Status status, bool counted = false)
    {
        var now = new Records(status.Rescued, status.Replayed, status.Dropped);
        if (!_last.TryGetValue(id, out var last) && counted)
        {
            last = now;
        }
        if (_last.Count >= MaxRemembered && !_last.ContainsKey(id))
        {
            _last.Clear();
        }
        _last[id] = now;
        return new Records(Added(last.Rescued, now.Rescued), Added(last.Replayed, now.Replayed), Added(last.Dropped, now.Dropped));
    }

    private static ulong Added(ulong before, ulong now) => now >= before ? now - before : now;
}
