using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Tests.Decisions;

public class RecoveryTests
{
    [Fact]
    public void The_way_back_is_recovering_drain_normal_one_epoch_a_step()
    {
        var scene = Scene.Unwritable();
        scene.Up("a").Expect(Phase.Recovering, Mode.Cache).After(250).Ups(4, 250).Expect(Phase.Recovering, Mode.Drain);
        scene.Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal);
        Assert.Equal([1UL, 2, 3, 4, 5], scene.History.Select(d => d.Epoch));
        Assert.Equal(5UL, scene.State.Decision.LastNormalEpoch);
    }

    [Fact]
    public void The_newest_normal_epoch_is_remembered_through_an_outage() =>
        Assert.Equal(1UL, Scene.Draining().State.Decision.LastNormalEpoch);

    [Fact]
    public void Enough_passed_probes_in_too_short_a_time_are_not_enough()
    {
        var scene = Scene.Unwritable().Ups(10, 50).Expect(Phase.Recovering, Mode.Cache);
        scene.After(550).Up("b").Expect(Phase.Recovering, Mode.Drain);
    }

    [Fact]
    public void The_dwell_time_with_too_few_passed_probes_is_not_enough() =>
        Scene.Unwritable().Up("a").After(2000).Up("a").Expect(Phase.Recovering, Mode.Cache)
            .Up("b").Expect(Phase.Recovering, Mode.Drain);

    [Theory]
    [InlineData(SignalKind.Unreachable)]
    [InlineData(SignalKind.Deadline)]
    [InlineData(SignalKind.ReadOnly)]
    public void A_failed_probe_while_recovering_starts_over(SignalKind kind) =>
        Scene.Unwritable().Ups(4, 250).Expect(Phase.Recovering, Mode.Cache)
            .Down("b", kind).Expect(Phase.Unwritable, Mode.Cache)
            .Ups(4, 250).Expect(Phase.Recovering, Mode.Cache)
            .Up("a").Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void A_failed_probe_while_draining_goes_back_to_fallback() =>
        Scene.Draining().Down("a").Expect(Phase.Unwritable, Mode.Cache);

    [Theory]
    [InlineData(SignalKind.Misconfigured)]
    [InlineData(SignalKind.Saturated)]
    public void A_verdict_that_proves_nothing_ends_the_row_but_not_the_phase(SignalKind kind) =>
        Scene.Unwritable().Ups(4, 250).Probe("b", kind).Expect(Phase.Recovering, Mode.Cache)
            .Ups(4, 250).Expect(Phase.Recovering, Mode.Cache).Up("a").Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void Only_probers_bring_a_database_back_and_only_they_throw_it_back() =>
        Scene.Unwritable().Up("c").Expect(Phase.Unwritable, Mode.Cache)
            .Up("a").Expect(Phase.Recovering, Mode.Cache)
            .Down("c").Expect(Phase.Recovering, Mode.Cache);

    [Fact]
    public void Drain_waits_for_every_connected_sidecar() =>
        Scene.Draining().Ack("a", "b").Unsaved(0, "a", "b").Expect(Phase.Recovering, Mode.Drain)
            .Ack("c").Unsaved(1, "c").Expect(Phase.Recovering, Mode.Drain)
            .Unsaved(0, "c").Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void Nothing_unsaved_counts_only_when_said_after_the_ack() =>
        Scene.Draining().Unsaved(0, "a", "b", "c").Ack("a", "b", "c").Expect(Phase.Recovering, Mode.Drain)
            .Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void Nothing_unsaved_said_in_an_earlier_epoch_counts_for_nothing() =>
        Scene.Unwritable().Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Ups(5, 250).Expect(Phase.Recovering, Mode.Drain)
            .Ack("a", "b", "c").Expect(Phase.Recovering, Mode.Drain)
            .Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void An_ack_of_an_older_epoch_is_no_ack_of_drain()
    {
        var scene = Scene.Draining();
        var older = scene.Epoch - 1;
        scene.Ack("a", "b").Ack(older, "c").Unsaved(0, "a", "b", "c").Expect(Phase.Recovering, Mode.Drain);
    }

    [Fact]
    public void A_sidecar_that_left_is_not_waited_for() =>
        Scene.Draining().Ack("a", "b").Unsaved(0, "a", "b").Leave("c").Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void A_sidecar_that_joins_is_waited_for() =>
        Scene.Draining().Join("d").Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Recovering, Mode.Drain)
            .Ack("d").Unsaved(0, "d").Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void An_empty_fleet_has_not_drained() =>
        Scene.Draining().Leave("a").Leave("b").Leave("c").After(5000).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void The_drain_deadline_ends_the_waiting_and_says_who_was_late()
    {
        var scene = Scene.Draining(new Policy(Mode.Cache) { DrainDeadline = TimeSpan.FromSeconds(10) });
        scene.Ack("a", "b", "c").Unsaved(0, "a", "b").Unsaved(7, "c").After(9500).Expect(Phase.Recovering, Mode.Drain);
        scene.After(500).Expect(Phase.Writable, Mode.Normal);
        Assert.Equal(Cause.DrainDeadline, scene.State.Decision.Cause);
        Assert.Contains("1 of 3 sidecars not done (7 session changes unsaved)", scene.State.Decision.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void SkipSave_takes_the_same_way_back() =>
        Scene.Draining(new Policy(Mode.SkipSave)).Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void After_a_flap_recovery_asks_for_twice_as_much_and_for_eight_times_at_most()
    {
        var scene = Scene.Writable();
        int[] expectedProbes = [5, 9, 17, 33, 33];
        foreach (var expected in expectedProbes)
        {
            scene.Down("a").Down("b").Expect(Phase.Unwritable, Mode.Cache).After(250);
            var probes = 0;
            while (scene.State.Decision.Mode != Mode.Drain)
            {
                scene.Up("a");
                probes++;
                scene.After(scene.State.Decision.Mode == Mode.Drain ? 0 : 250);
            }
            Assert.Equal(expected, probes);
            scene.Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal).After(1000);
        }
    }

    [Fact]
    public void The_number_of_passed_probes_is_doubled_too()
    {
        var scene = Scene.Writable(new Policy(Mode.Cache) { Dwell = TimeSpan.Zero });
        foreach (var expected in new[] { 3, 6, 12, 24, 24 })
        {
            scene.Down("a").Down("b").After(50).Ups(expected - 1, 50).Expect(Phase.Recovering, Mode.Cache)
                .Up("a").Expect(Phase.Recovering, Mode.Drain)
                .Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal).After(50);
        }
    }

    [Fact]
    public void Passed_probes_of_the_outage_before_count_for_nothing() =>
        Scene.Draining().Ack("a", "b", "c").Unsaved(0, "a", "b", "c").After(500)
            .RefusedSave("c", SignalKind.ReadOnly).Down("c", SignalKind.ReadOnly).After(50).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_minute_of_calm_forgives_the_flaps()
    {
        var scene = Scene.Draining().Ack("a", "b", "c").Unsaved(0, "a", "b", "c").After(61_000);
        Assert.Equal(0, scene.Up("a").After(50).Down("a").Down("b").Expect(Phase.Unwritable, Mode.Cache).State.Flaps);
    }

    [Fact]
    public void Bad_news_from_before_the_reopening_does_not_close_again() =>
        Scene.Draining().After(1000).Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal)
            .RefusedSave("c", ageMs: 800).Down("b", ageMs: 700).Down("b", ageMs: 600).After(1000).Expect(Phase.Writable, Mode.Normal);
}
