using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Tests.Decisions;

public class ConfirmationTests
{
    [Fact]
    public void At_the_start_nothing_is_believed_and_apps_save_as_usual() =>
        Assert.Equal(0UL, new Scene().Expect(Phase.Unknown, Mode.Normal).Epoch);

    [Fact]
    public void One_committed_write_makes_an_unknown_database_writable() =>
        Assert.Equal(1UL, new Scene(null, "a").Up("a").Expect(Phase.Writable, Mode.Normal).Epoch);

    [Theory]
    [InlineData(SignalKind.Unreachable)]
    [InlineData(SignalKind.Deadline)]
    [InlineData(SignalKind.ReadOnly)]
    public void Two_failed_probes_in_a_row_flip_the_fleet(SignalKind kind)
    {
        var scene = Scene.Writable();
        var before = scene.Epoch;
        scene.Down("a", kind).Expect(Phase.Writable, Mode.Normal);
        scene.Down("b", kind).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal(before + 1, scene.Epoch);
    }

    [Theory]
    [InlineData(Mode.Cache)]
    [InlineData(Mode.SkipSave)]
    public void The_configured_fallback_is_what_apps_are_told(Mode fallback) =>
        Scene.Writable(new Policy(fallback)).Down("a").Down("b").Expect(Phase.Unwritable, fallback);

    [Theory]
    [InlineData(SignalKind.Unreachable)]
    [InlineData(SignalKind.Deadline)]
    public void A_refused_save_and_a_failed_probe_of_the_only_sidecar_flip_at_once(SignalKind kind) =>
        new Scene(null, "a").Up("a").After(500).RefusedSave("a").Expect(Phase.Writable, Mode.Normal)
            .Down("a", kind).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_refused_save_confirmed_by_both_probers_flips_at_once() =>
        Scene.Writable().RefusedSave("c").Down("a").Expect(Phase.Writable, Mode.Normal)
            .Down("b").Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_prober_that_says_nothing_delays_a_confirmed_flip_by_half_a_second_only() =>
        Scene.Writable().RefusedSave("a").After(10).Down("a").After(440).Expect(Phase.Writable, Mode.Normal)
            .After(60).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void Read_only_said_to_a_save_and_to_a_probe_needs_nobody_else() =>
        Scene.Writable().RefusedSave("a", SignalKind.ReadOnly).Down("a", SignalKind.ReadOnly).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void Refused_saves_alone_never_flip_the_fleet() =>
        Scene.Writable().RefusedSave("a").RefusedSave("b").RefusedSave("c").After(2000).RefusedSave("a").After(2000)
            .Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void One_failed_probe_alone_never_flips_the_fleet() =>
        Scene.Writable().Down("a").After(10_000).Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void A_probe_that_passed_elsewhere_afterwards_refutes_the_bad_news()
    {
        // F25: what one sidecar cannot reach, another can. For as long as that lasts.
        var scene = Scene.Writable();
        var before = scene.Epoch;
        for (var i = 0; i < 20; i++)
        {
            scene.RefusedSave("a").Down("a").After(20).Up("b").After(500).Expect(Phase.Writable, Mode.Normal);
        }
        Assert.Equal(before, scene.Epoch);
    }

    [Fact]
    public void A_probe_that_passed_elsewhere_before_the_bad_news_refutes_nothing() =>
        Scene.Writable().Up("b").After(100).RefusedSave("a").Down("a").After(600).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void When_a_probe_was_made_counts_and_not_when_it_was_heard() =>
        Scene.Writable().Down("a").After(300).Up("b", ageMs: 400).Down("a").After(500).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void Bad_news_older_than_a_passed_probe_is_late_and_counts_for_nothing() =>
        Scene.Writable().After(1000).Up("a").Down("b", ageMs: 900).Down("b", ageMs: 500).RefusedSave("c", ageMs: 300)
            .After(1000).Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void Two_bad_signals_far_apart_do_not_confirm_one_another() =>
        Scene.Writable().Down("a").After(6100).Down("a").After(1000).Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void Bad_news_told_very_late_does_not_confirm_what_happened_since() =>
        Scene.Writable().Leave("a").Leave("b").After(7000).Down("c").Down("d", ageMs: 6500).After(1000).Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void An_app_that_says_writable_proves_nothing() =>
        new Scene(null, "a").RefusedSave("a", SignalKind.Writable).Expect(Phase.Unknown, Mode.Normal);

    [Theory]
    [InlineData(SignalKind.Misconfigured)]
    [InlineData(SignalKind.Saturated)]
    public void Misconfigured_and_saturated_never_change_the_mode(SignalKind kind)
    {
        var scene = Scene.Writable();
        for (var i = 0; i < 20; i++)
        {
            scene.Probe("a", kind).Probe("b", kind).RefusedSave("c", kind).After(250).Expect(Phase.Writable, Mode.Normal);
        }
        Assert.Contains(scene.Supervisor.Seen.Complaints.Values, c => c.Kind == kind);
        scene.Up("a").Up("b").Leave("c");
        Assert.Empty(scene.Supervisor.Seen.Complaints);
    }

    [Fact]
    public void A_misconfigured_verdict_beside_a_refused_save_confirms_nothing() =>
        Scene.Writable().RefusedSave("a").Probe("a", SignalKind.Misconfigured).Probe("b", SignalKind.Misconfigured).After(1000)
            .Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void A_refused_save_asks_the_probers_to_hurry()
    {
        var scene = Scene.Writable();
        var before = scene.Supervisor.ProbeNow;
        scene.RefusedSave("c");
        Assert.Equal(before + 1, scene.Supervisor.ProbeNow);
    }

    [Fact]
    public void A_storm_of_refused_saves_asks_at_most_four_times_a_second_and_confirms_nothing()
    {
        var scene = Scene.Writable();
        var before = scene.Supervisor.ProbeNow;
        for (var i = 0; i < 200; i++)
        {
            scene.RefusedSave("c").After(10);
        }
        Assert.InRange(scene.Supervisor.ProbeNow - before, 7u, 9u);
        scene.Expect(Phase.Writable, Mode.Normal);
        Assert.InRange(scene.Supervisor.Seen.Downs.Count, 1, 32);
        scene.Down("a").Down("b").Expect(Phase.Unwritable, Mode.Cache);
    }

    [Fact]
    public void One_sidecars_lasting_bad_news_does_not_become_a_storm_of_probes()
    {
        var scene = Scene.Writable();
        var before = scene.Supervisor.ProbeNow;
        for (var i = 0; i < 100; i++)
        {
            scene.Down("a").Up("b").After(50);
        }
        Assert.InRange(scene.Supervisor.ProbeNow - before, 4u, 6u);
    }

    [Fact]
    public void Every_transition_has_a_reason_with_names_in_it()
    {
        var scene = Scene.Writable().RefusedSave("c").Down("a").Down("b");
        Assert.Equal(Cause.Confirmed, scene.State.Decision.Cause);
        Assert.Equal("a session save was refused at c (unreachable), and a probe failed from b (unreachable)", scene.State.Decision.Reason);
    }
}
