namespace SessionOperator.Simulation.Tests;

/// <summary>Simulated time: what is planned happens in order, at once.</summary>
internal sealed class Timeline(int seed)
{
    private readonly PriorityQueue<Action, (DateTimeOffset At, long Order)> _plan = new();
    private long _order;

    public Random Random { get; } = new(seed);

    public DateTimeOffset Now { get; private set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Plans something; things planned for the same moment happen in the order they were planned.</summary>
    public void In(double milliseconds, Action what) => _plan.Enqueue(what, (Now.AddMilliseconds(milliseconds), _order++));

    public void Every(double milliseconds, Action what) => In(milliseconds, () =>
    {
        what();
        Every(milliseconds, what);
    });

    /// <summary>Runs for a while, calling <paramref name="after"/> after everything that happened.</summary>
    public void Run(double seconds, Action after)
    {
        var end = Now.AddSeconds(seconds);
        while (_plan.TryPeek(out _, out var next) && next.At <= end)
        {
            var what = _plan.Dequeue();
            Now = next.At;
            what();
            after();
        }
        Now = end;
    }
}
