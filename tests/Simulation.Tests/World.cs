using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Simulation.Tests;

/// <summary>One database, one operator that may lose its memory, a few sidecars; and what must be true at every moment.</summary>
internal sealed class World
{
    private readonly int _seed;
    private readonly Timeline _time;
    private readonly Policy _policy = new(Mode.Cache) { DrainDeadline = TimeSpan.FromSeconds(20) };
    private readonly List<string> _log = [];
    private (ulong Epoch, bool Settled, uint ProbeNow, string Probers) _told;
    private DateTimeOffset? _reopenedAt;
    private DateTimeOffset? _closedAt;
    private DateTimeOffset? _troubleSince;

    public World(int seed, int sidecars)
    {
        (_seed, _time) = (seed, new Timeline(seed));
        Operator = new Supervisor(_policy, DatabaseState.Initial(_time.Now));
        Sidecars = [.. Enumerable.Range(0, sidecars).Select(i => new SimulatedSidecar(this, _time, $"web-{i}"))];
        foreach (var sidecar in Sidecars)
        {
            _time.In(_time.Random.Next(500), sidecar.Connect);
        }
        _time.Every(50, () => { });
        _time.Every(3300, () => Tell(all: true));
    }

    public Supervisor Operator { get; private set; }

    public List<SimulatedSidecar> Sidecars { get; }

    public Random Random => _time.Random;

    public DateTimeOffset Now => _time.Now;

    /// <summary>What the database does to a session write right now.</summary>
    public SignalKind Database { get; private set; } = SignalKind.Writable;

    public string Server { get; private set; } = "server 0";

    public List<Decision> History { get; } = [];

    public void Run(double seconds) => _time.Run(seconds, Check);

    public void In(double seconds, Action what) => _time.In(seconds * 1000, what);

    public void Break(SignalKind how)
    {
        Note($"the database is {how}");
        (Database, _troubleSince) = (how, _troubleSince ?? _time.Now);
    }

    public void Repair()
    {
        Note("the database is writable");
        (Database, _troubleSince, Server) = (SignalKind.Writable, null, $"server {_time.Random.Next()}");
    }

    public void Complain(SimulatedSidecar sidecar, SignalKind? complaint)
    {
        Note($"{sidecar.Id} complains: {complaint}");
        sidecar.Complaint = complaint;
        LookAgain();
    }

    public void Announce(TimeSpan hold)
    {
        Note($"announced for {hold}");
        Operator.Observe(new Signal(SignalOrigin.Announcement, SignalKind.Announced, "pod/db", _time.Now) { Expires = _time.Now + hold });
    }

    /// <summary>The operator dies and another one, which knows nothing, takes its place. Sidecars come back one by one.</summary>
    public void Restart()
    {
        Note("the operator restarts");
        foreach (var sidecar in Sidecars)
        {
            Reconnect(sidecar);
        }
        Operator = new Supervisor(_policy, DatabaseState.Initial(_time.Now));
        (_told, _reopenedAt, _closedAt) = (default, null, null);
        LookAgain();
    }

    public void Reconnect(SimulatedSidecar sidecar)
    {
        Note($"{sidecar.Id} loses its connection");
        sidecar.Disconnect();
        LookAgain();
        _time.In(_time.Random.Next(2000), () =>
        {
            if (!sidecar.Connected)
            {
                sidecar.Connect();
            }
        });
    }

    /// <summary>Who could see the trouble has changed; the time to find it starts anew.</summary>
    private void LookAgain() => _troubleSince = _troubleSince is null ? null : _time.Now;

    public void Note(string what) => _log.Add($"{_time.Now:mm:ss.fff} {what}");

    public void Fail(string why) =>
        Assert.Fail($"seed {_seed}: {why}\n{string.Join('\n', _log.TakeLast(40))}");

    internal void Lost(string id) => Operator.Leave(id);

    internal TimeSpan? ProbeInterval(string id) =>
        Operator.IsProber(id) ? ProbeRequests.Interval(Operator.State.Decision.Phase) : null;

    /// <summary>A sidecar does as it was told: epochs only grow there.</summary>
    internal void Obeyed(SimulatedSidecar sidecar, Decision decision)
    {
        if (decision.Epoch < sidecar.Epoch)
        {
            Fail($"{sidecar.Id} went back from epoch {sidecar.Epoch} to {decision.Epoch}");
        }
    }

    private void Check()
    {
        Decide();
        Tell(all: false);
        var decision = Operator.State.Decision;
        // Found within: a second until the next probe, its deadline, hearing the other prober out, and the ways there and back.
        if (decision.Mode == Mode.Normal && _troubleSince is { } since && _time.Now - since > TimeSpan.FromSeconds(6)
            && Database is not (SignalKind.Misconfigured or SignalKind.Saturated) && Sidecars.Exists(s => s.Connected && s.Complaint is null))
        {
            Fail($"Normal although the database has been {Database} since {since:mm:ss.fff}");
        }
    }

    private void Decide()
    {
        for (var rounds = 0; ; rounds++)
        {
            var before = Operator.State;
            var next = Operator.Propose(_time.Now);
            if (ReferenceEquals(next, before))
            {
                break;
            }
            if (rounds > 10)
            {
                Fail("decisions chase one another");
            }
            if (next.Decision.Epoch < before.Decision.Epoch || !Operator.Adopt(next))
            {
                Fail($"the epoch went back from {before.Decision.Epoch} to {next.Decision.Epoch}");
            }
            if (next.Decision.Epoch != before.Decision.Epoch)
            {
                Judge(before.Decision, next.Decision);
            }
        }
        Operator.Direct(_time.Now);
    }

    private void Judge(Decision before, Decision next)
    {
        Note($"epoch {next.Epoch} {next.Phase} {next.Mode}: {next.Cause}, {next.Reason}");
        History.Add(next);
        if (next.Cause != Cause.Rebuilt && next.Epoch != before.Epoch + 1)
        {
            Fail($"epoch {before.Epoch} was followed by {next.Epoch}");
        }
        if ((next.Mode == Mode.Normal) != (next.LastNormalEpoch == next.Epoch))
        {
            Fail($"epoch {next.Epoch} is {next.Mode} but the last normal epoch is {next.LastNormalEpoch}");
        }
        if (next.Cause == Cause.Drained && Sidecars.Exists(s => Operator.Members.Any(m => m.Id == s.Id) && s.Unsaved > 0))
        {
            Fail("Drain ended as complete although a connected sidecar had unsaved changes");
        }
        if (before.Mode != Mode.Normal && next.Mode == Mode.Normal)
        {
            TooSoon(_reopenedAt, "reopened");
            _reopenedAt = _time.Now;
        }
        if (before.Mode == Mode.Normal && next.Mode != Mode.Normal && next.Cause != Cause.Rebuilt)
        {
            TooSoon(_closedAt, "closed");
            _closedAt = _time.Now;
        }
    }

    private void TooSoon(DateTimeOffset? last, string what)
    {
        if (last is { } before && _time.Now - before < _policy.Dwell)
        {
            Fail($"{what} twice within the dwell time");
        }
    }

    /// <summary>As the real hub: at once when the epoch, settled, or the probers' orders change.</summary>
    private void Tell(bool all)
    {
        var fleet = Operator.Fleet();
        var now = (Operator.State.Decision.Epoch, fleet.Settled, Operator.ProbeNow, string.Join(',', fleet.Probers.Order()) + fleet.Connected);
        if (!all && now == _told)
        {
            return;
        }
        _told = now;
        foreach (var sidecar in Sidecars.Where(s => s.Connected && Operator.Members.Any(m => m.Id == s.Id)))
        {
            sidecar.Receive(Operator.State.Decision, Operator.ProbeNow, ProbeInterval(sidecar.Id));
        }
    }
}
