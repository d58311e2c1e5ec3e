namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>What a watch is doing.</summary>
public enum WatchState
{
    Listing,
    Watching,

    /// <summary>The server knows no such kind; looked for again now and then. Healthy.</summary>
    NotInstalled,

    /// <summary>Waiting before the next attempt; <see cref="WatchHealth.Problem"/> says why.</summary>
    Retrying,
    Stopped,
}

/// <summary>
/// Whether a watch can be relied on. Written by its loop, read from any thread. Two questions with two answers:
/// <see cref="IsFresh"/> - do we know what the server knows? No while the server is away, and a restart would not help.
/// <see cref="IsTurning"/> - does the loop still do its work? Everything it waits for has a deadline, so a loop that has
/// not moved for longer than the longest of them never will again, and only a restart helps.
/// </summary>
public sealed class WatchHealth
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _freshFor;
    private readonly Action<EndReason>? _ended;
    private long _proof;
    private long _step;
    private int _state = (int)WatchState.Listing;
    private int _synced;
    private string _problem = "";

    internal WatchHealth(WatchTarget target, WatchTimings timings, TimeProvider time, Action<EndReason>? ended = null)
    {
        (Target, _time, _freshFor, _ended) = (target, time, timings.FreshFor, ended);
        TurningFor = timings.ReadDeadline + timings.LongestRetryAfter;
        _proof = _step = time.GetTimestamp();
    }

    public WatchTarget Target { get; }

    public WatchState State => (WatchState)Volatile.Read(ref _state);

    /// <summary>Why it is not watching, one line; empty while it is.</summary>
    public string Problem => Volatile.Read(ref _problem);

    /// <summary>A whole list has been taken in, or the kind is not installed.</summary>
    public bool IsSynced => Volatile.Read(ref _synced) != 0;

    /// <summary>Time since the server last proved that the watch lives: a page, an event, a bookmark, the regular end.</summary>
    public TimeSpan Age => _time.GetElapsedTime(Volatile.Read(ref _proof));

    public bool IsFresh => IsSynced && Age <= _freshFor;

    /// <summary>No step of the loop may take longer.</summary>
    public TimeSpan TurningFor { get; }

    public bool IsTurning => State == WatchState.Stopped || _time.GetElapsedTime(Volatile.Read(ref _step)) <= TurningFor;

    internal void Proven()
    {
        Stepped();
        Volatile.Write(ref _proof, _time.GetTimestamp());
    }

    internal void Stepped() => Volatile.Write(ref _step, _time.GetTimestamp());

    internal void Synced() => Volatile.Write(ref _synced, 1);

    internal void Enter(WatchState state, string problem = "")
    {
        Stepped();
        Volatile.Write(ref _problem, problem);
        Volatile.Write(ref _state, (int)state);
    }

    internal void Ended(EndReason reason) => _ended?.Invoke(reason);
}
