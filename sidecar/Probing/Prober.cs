using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;

namespace SessionOperator.Sidecar.Probing;

/// <summary>Runs probes when the operator asks, when this sidecar decides alone, and when a report wants an answer.</summary>
internal sealed class Prober
{
    private static readonly TimeSpan AloneInterval = TimeSpan.FromMilliseconds(250);
    // Ordered, or longer: the operator has no doubts, and nor have we.
    private static readonly TimeSpan CalmInterval = TimeSpan.FromSeconds(1);
    // A timer may be early by that. What is left then is not worth a second one, of three wake-ups, where nobody is in doubt.
    private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan ReadabilityInterval = TimeSpan.FromSeconds(5);

    private readonly ModeController _mode;
    private readonly Lock _lock = new();
    private IDatabaseProbe? _probe;
    private readonly WakeSignal _look = new();
    private TimeSpan _ordered;
    private volatile bool _now;
    private Task<ProbeResult>? _running;

    public Prober(ModeController mode)
    {
        _mode = mode;
        mode.StateChanged += _look.Set; // the interval changes with the mode
    }

    /// <summary>The newest result; null before the first.</summary>
    public ProbeResult? Last { get; private set; }

    /// <summary>Called with every result, in order.</summary>
    public Action<ProbeResult> OnResult { get; set; } = _ => { };

    /// <summary>The database to probe, once an app has said where it is.</summary>
    public void Use(IDatabaseProbe? probe)
    {
        lock (_lock) { _probe = probe; }
        ProbeNow();
    }

    /// <summary>The operator's order; zero: not a prober.</summary>
    public void Order(TimeSpan interval)
    {
        if (_ordered != interval)
        {
            _ordered = interval;
            ProbeNow();
        }
    }

    /// <summary>Do not wait for the interval.</summary>
    public void ProbeNow()
    {
        _now = true;
        _look.Set();
    }

    /// <summary>A result that began after this call, or the one under way; null if none came in time or there is nothing to probe.</summary>
    public async Task<ProbeResult?> AskAsync(TimeSpan wait)
    {
        var running = Run(fresh: true, CancellationToken.None);
        return running is not null && await Task.WhenAny(running, Task.Delay(wait)) == running ? await running : null;
    }

    /// <summary>Probes at the interval in force until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var last = TimeSpan.Zero;
        while (!cancel.IsCancellationRequested)
        {
            var interval = Interval();
            if (interval == TimeSpan.Zero)
            {
                await _look.WaitAsync(Timeout.InfiniteTimeSpan, cancel);
                continue;
            }

            var wait = _now ? TimeSpan.Zero : Left(interval, ModeController.Now - last);
            if (wait > TimeSpan.Zero)
            {
                await _look.WaitAsync(wait, cancel);
                continue;
            }

            // Who has a question, or is in doubt, hears of the server that new connections reach.
            var fresh = _now || interval < CalmInterval || _mode.State.Mode != Mode.Normal;
            _now = false;
            if (Run(fresh, cancel) is { } running)
            {
                await running;
            }

            last = ModeController.Now;
        }
    }

    /// <summary>How much of the interval is left when that much of it has passed; zero: it is over.</summary>
    internal static TimeSpan Left(TimeSpan interval, TimeSpan passed)
    {
        var left = interval - passed;
        return left > (interval < CalmInterval ? TimeSpan.Zero : Early) ? left : TimeSpan.Zero;
    }

    private TimeSpan Interval()
    {
        var state = _mode.State;
        return state.Autonomous ? AloneInterval
            : _ordered > TimeSpan.Zero ? _ordered
            : state.Mode == Mode.Normal ? TimeSpan.Zero : ReadabilityInterval;
    }

    private Task<ProbeResult>? Run(bool fresh, CancellationToken cancel)
    {
        lock (_lock)
        {
            if (_probe is null)
            {
                return null;
            }

            return _running is { IsCompleted: false } ? _running : _running = RunOnceAsync(_probe, fresh, cancel);
        }
    }

    private async Task<ProbeResult> RunOnceAsync(IDatabaseProbe probe, bool fresh, CancellationToken cancel)
    {
        await Task.Yield();
        var result = await probe.ProbeAsync(fresh, cancel);
        SidecarMetrics.Probes.WithLabels(result.Verdict.ToString()).Inc();
        Last = result;
        OnResult(result);
        return result;
    }
}
