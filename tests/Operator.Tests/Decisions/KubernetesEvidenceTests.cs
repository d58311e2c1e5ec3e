using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Tests.Decisions;

/// <summary>What Kubernetes says of the database's pods: when it flips, what it confirms, how soon it is refuted.</summary>
public class KubernetesEvidenceTests
{
    [Fact]
    public void A_stopped_primary_flips_the_fleet_at_once_and_alone()
    {
        var scene = Scene.Writable().Kubernetes(SignalKind.Stopped).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal(Cause.Observed, scene.State.Decision.Cause);
        Assert.Equal("pod/orders-db-0 is not ready", scene.State.Decision.Reason);
        Assert.Equal(scene.Now, scene.State.Decision.FirstSignalAt);
    }

    [Fact]
    public void A_stopped_primary_that_goes_on_committing_is_believed_again_within_two_seconds()
    {
        // F24: four probes a second, three of them over the dwell time, then Drain.
        var scene = Scene.Writable().Kubernetes(SignalKind.Stopped).After(250).Ups(4, 250).Up("a").Expect(Phase.Recovering, Mode.Drain);
        scene.Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal);
        Assert.InRange(scene.Now - scene.History[^3].Since, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void A_stopped_primary_stays_down_while_no_probe_passes() =>
        Scene.Writable().Kubernetes(SignalKind.Stopped).After(5000).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void What_a_later_probe_refutes_flips_nothing() =>
        Scene.Writable().Up("a").After(100).Kubernetes(SignalKind.Stopped, ageMs: 500).After(1000).Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void A_stopped_primary_in_recovery_starts_it_over()
    {
        Scene.Draining().Kubernetes(SignalKind.Stopped).Expect(Phase.Unwritable, Mode.Cache)
            .After(250).Ups(2, 250).Expect(Phase.Recovering, Mode.Cache);
        Scene.Unwritable().Ups(4, 250).Expect(Phase.Recovering, Mode.Cache).Kubernetes(SignalKind.Stopped)
            .Expect(Phase.Unwritable, Mode.Cache).After(250).Up("a").Expect(Phase.Recovering, Mode.Cache);
    }

    [Fact]
    public void A_suspicion_alone_flips_nothing_however_often_it_is_said()
    {
        var scene = Scene.Writable();
        for (var i = 0; i < 20; i++)
        {
            scene.Kubernetes(SignalKind.Suspect).After(100).Expect(Phase.Writable, Mode.Normal);
        }
    }

    [Fact]
    public void A_suspicion_beside_a_refused_save_still_takes_a_probe() =>
        Scene.Writable().Kubernetes(SignalKind.Suspect).RefusedSave("c").After(1000).Expect(Phase.Writable, Mode.Normal)
            .Down("a").After(600).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_suspicion_confirms_one_failed_probe()
    {
        var scene = new Scene(null, "a").Up("a").After(500).Kubernetes(SignalKind.Suspect).Down("a").Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal("pod/orders-db-0 is not ready, and a probe failed from a (unreachable)", scene.State.Decision.Reason);
    }

    [Fact]
    public void A_suspicion_asks_the_probers_at_once()
    {
        var scene = Scene.Writable();
        var before = scene.Supervisor.ProbeNow;
        scene.Kubernetes(SignalKind.Suspect);
        Assert.Equal(before + 1, scene.Supervisor.ProbeNow);
    }

    [Fact]
    public void A_stopped_primary_asks_nobody_while_the_flip_is_being_stored()
    {
        var scene = Scene.Writable();
        var before = scene.Supervisor.ProbeNow;
        scene.Supervisor.Observe(new Signal(SignalOrigin.Kubernetes, SignalKind.Stopped, "pod/orders-db-0", scene.Now) { HeardAt = scene.Now });
        Assert.Equal(Phase.Unwritable, scene.Supervisor.Propose(scene.Now).Decision.Phase);
        scene.Supervisor.Direct(scene.Now);
        Assert.Equal(before, scene.Supervisor.ProbeNow);
    }

    [Fact]
    public void A_maintenance_holds_to_its_end_whatever_server_is_writable() =>
        Scene.Writable().Up("a", "old").Announce("sessiondatabase/orders-db", 10_000, holds: true)
            .Ups(16, 250, "a", "new").Expect(Phase.Unwritable, Mode.Cache)
            .After(6001).Ups(2, 250, "a", "new").Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void A_maintenance_is_not_cut_short_by_what_else_is_announced_in_it() =>
        Scene.Writable().Up("a", "old").Announce("sessiondatabase/orders-db", 10_000, holds: true)
            .Announce("pod/orders-db-0", 60_000).Ups(16, 250, "a", "new").Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_maintenance_takes_over_from_a_longer_announcement() =>
        Scene.Writable().Up("a", "old").Announce("pod/orders-db-0", 60_000)
            .Announce("sessiondatabase/orders-db", 10_000, holds: true).Ups(16, 250, "a", "new").Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_maintenance_that_is_taken_back_is_over() =>
        Scene.Writable().Announce("sessiondatabase/orders-db", 60_000, holds: true).After(1000)
            .Withdraw("sessiondatabase/orders-db").Ups(5, 250).Expect(Phase.Recovering, Mode.Drain);
}
