using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Tests.Decisions;

/// <summary>One database, its sidecars and a clock that the test turns. After every event all that is due is decided.</summary>
internal sealed class Scene
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly Supervisor _supervisor;
    private DateTimeOffset _now = Start;

    public Scene(Policy? policy = null, params string[] sidecars)
    {
        _supervisor = new Supervisor(policy ?? new Policy(Mode.Cache), DatabaseState.Initial(Start));
        foreach (var sidecar in sidecars)
        {
            Join(sidecar);
        }
    }

    public List<Decision> History { get; } = [];

    public DatabaseState State => _supervisor.State;

    public Supervisor Supervisor => _supervisor;

    public ulong Epoch => State.Decision.Epoch;

    public DateTimeOffset Now => _now;

    /// <summary>A database proven writable, with two probers a and b and a third sidecar c that does not probe.</summary>
    public static Scene Writable(Policy? policy = null)
    {
        var scene = new Scene(policy, "a", "b", "c");
        scene.Up("a").Up("b").Expect(Phase.Writable, Mode.Normal);
        return scene.After(1000);
    }

    /// <summary>The same after both probers failed.</summary>
    public static Scene Unwritable(Policy? policy = null) =>
        Writable(policy).Down("a").Down("b").Expect(Phase.Unwritable, (policy ?? new Policy(Mode.Cache)).Fallback).After(1000);

    public static Scene Draining(Policy? policy = null) =>
        Unwritable(policy).Ups(5, 250).Expect(Phase.Recovering, Mode.Drain);

    public Scene After(int milliseconds)
    {
        // In small steps, as the loop's ticks do: what falls due in between happens in between.
        for (var left = milliseconds; left > 0; left -= 50)
        {
            _now += TimeSpan.FromMilliseconds(Math.Min(50, left));
            Decide();
        }
        return this;
    }

    public Scene Join(string id, ulong epoch = 0, Mode mode = Mode.Normal, ulong lastNormal = 0, bool canProbe = true)
    {
        _supervisor.Join(id, id, new Claim(epoch, mode, lastNormal, id), _now);
        _supervisor.Report(id, 0, canProbe, mode != Mode.Normal && lastNormal >= epoch, _now);
        return Decide();
    }

    public Scene Leave(string id)
    {
        _supervisor.Leave(id);
        return Decide();
    }

    public Scene Up(string id, string server = "", int ageMs = 0) => Probe(id, SignalKind.Writable, ageMs, server);

    public Scene Down(string id, SignalKind kind = SignalKind.Unreachable, int ageMs = 0) => Probe(id, kind, ageMs);

    public Scene Ups(int count, int everyMs, string id = "a", string server = "")
    {
        for (var i = 0; i < count; i++)
        {
            Up(id, server).After(everyMs);
        }
        return this;
    }

    public Scene Probe(string id, SignalKind kind, int ageMs = 0, string server = "") =>
        Observe(SignalOrigin.Probe, kind, id, ageMs, server);

    public Scene RefusedSave(string id, SignalKind kind = SignalKind.Unreachable, int ageMs = 0) =>
        Observe(SignalOrigin.App, kind, id, ageMs);

    public Scene Kubernetes(SignalKind kind, int ageMs = 0)
    {
        _supervisor.Observe(new Signal(SignalOrigin.Kubernetes, kind, "pod/orders-db-0", _now - TimeSpan.FromMilliseconds(ageMs))
        {
            HeardAt = _now,
            Detail = "is not ready",
        });
        return Decide();
    }

    public Scene Announce(string reporter, int forMs, bool holds = false)
    {
        _supervisor.Observe(new Signal(SignalOrigin.Announcement, SignalKind.Announced, reporter, _now)
        {
            Expires = _now + TimeSpan.FromMilliseconds(forMs),
            Detail = "going away",
            Holds = holds,
        });
        return Decide();
    }

    public Scene Withdraw(string reporter)
    {
        _supervisor.Observe(new Signal(SignalOrigin.Announcement, SignalKind.Withdrawn, reporter, _now));
        return Decide();
    }

    public Scene Ack(params string[] ids) => Each(ids, id => _supervisor.Ack(id, Epoch, _now));

    public Scene Ack(ulong epoch, string id) => Each([id], i => _supervisor.Ack(i, epoch, _now));

    public Scene Unsaved(ulong unsaved, params string[] ids) =>
        Each(ids, id => _supervisor.Report(id, unsaved, true, false, _now));

    public Scene Expect(Phase phase, Mode mode)
    {
        Assert.Equal((phase, mode), (State.Decision.Phase, State.Decision.Mode));
        return this;
    }

    private Scene Each(string[] ids, Action<string> act)
    {
        foreach (var id in ids)
        {
            act(id);
        }
        return Decide();
    }

    private Scene Observe(SignalOrigin origin, SignalKind kind, string id, int ageMs, string server = "")
    {
        _supervisor.Observe(new Signal(origin, kind, id, _now - TimeSpan.FromMilliseconds(ageMs))
        {
            HeardAt = _now,
            ServerIdentity = server,
        });
        return Decide();
    }

    private Scene Decide()
    {
        for (var rounds = 0; ; rounds++)
        {
            Assert.True(rounds < 10, "decisions chase one another");
            var next = _supervisor.Propose(_now);
            if (ReferenceEquals(next, State))
            {
                break;
            }
            if (next.Decision.Epoch != Epoch)
            {
                History.Add(next.Decision);
            }
            Assert.True(_supervisor.Adopt(next));
        }
        _supervisor.Direct(_now);
        return this;
    }
}
