using System.Diagnostics;

namespace SessionOperator.Benchmarks;

/// <summary>One kind of signal: how long after the write it was where, in the order in which it passes through.</summary>
internal sealed class Course(string what)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly Samples _seen = new($"{what}: a watch is told");
    private readonly Samples _stored = new($"{what}: the decision is stored");
    private readonly Samples _each = new($"{what}: each sidecar");
    private readonly Samples _last = new($"{what}: the last sidecar");
    private readonly Samples _settled = new($"{what}: all know that all know");

    /// <summary>What the bar is for.</summary>
    public IEnumerable<Samples> Measured => [_each, _last];

    /// <summary>Where the time goes; the last is the time when every replica has the acks of all, and logouts need not wait.</summary>
    public IEnumerable<Samples> Stations => [_seen, _stored, _settled];

    public IEnumerable<Samples> All => [_seen, _stored, _each, _last, _settled];

    public async Task MeasureAsync(Onlooker onlooker, FleetProcess fleet, Func<Task> breakIt)
    {
        var from = Stopwatch.GetTimestamp();
        await breakIt();
        var heard = await fleet.AllAsync(last => last.Mode == Mode.Cache, s_patience);
        foreach (var one in heard)
        {
            _each.Add(from, one.At);
        }
        _last.Add(from, heard.Max(one => one.At));
        _seen.Add(from, await onlooker.PodAsync(from, s_patience));
        _stored.Add(from, await onlooker.StatusAsync(Mode.Cache, from, s_patience));
        var settled = await fleet.AllAsync(last => last is { Mode: Mode.Cache, SettledAt: > 0 }, s_patience);
        _settled.Add(from, settled.Max(one => one.SettledAt));
    }
}
