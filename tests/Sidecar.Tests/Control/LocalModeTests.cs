using SessionOperator.Sidecar.Control;
using static SessionOperator.Sidecar.Tests.Control.LocalModeScene;

namespace SessionOperator.Sidecar.Tests.Control;

public class LocalModeTests
{
    [Fact]
    public void Before_anybody_has_spoken_apps_save_as_usual()
    {
        Assert.Equal(Mode.Normal, Started.Mode);
        Assert.False(Started.Autonomous);
    }

    [Theory]
    [InlineData(Mode.Normal)]
    [InlineData(Mode.SkipSave)]
    [InlineData(Mode.Cache)]
    [InlineData(Mode.Drain)]
    public void The_operators_mode_is_in_force(Mode mode) => Assert.Equal(mode, Started.Obey(Says(1, mode)).Mode);

    [Fact]
    public void An_older_epoch_is_never_obeyed()
    {
        var state = Started.Obey(Says(5, Mode.Cache));
        Assert.Equal(state, state.Obey(Says(4, Mode.Normal)));
    }

    [Fact]
    public void An_older_epoch_does_not_end_what_the_sidecar_saw_either()
    {
        var state = Started.Obey(Says(5, Mode.Normal)).Down(Verdict.Unreachable, At(1));
        Assert.Equal(Mode.Cache, state.Obey(Says(4, Mode.Drain)).Mode);
    }

    [Fact]
    public void The_same_epoch_again_renews_the_lease()
    {
        var state = Started.Obey(Says(1, Mode.Cache, leaseEnds: 10)).Obey(Says(1, Mode.Cache, leaseEnds: 20));
        Assert.False(state.At(At(15), 0).Autonomous);
    }

    [Fact]
    public void A_fallback_whose_lease_runs_out_goes_on_by_the_sidecars_own_evidence()
    {
        var state = Started.Obey(Says(1, Mode.Cache, leaseEnds: 10));
        Assert.False(state.At(At(10), 0).Autonomous);
        var alone = state.At(At(10.001), 0);
        Assert.True(alone.Autonomous);
        Assert.Equal(Mode.Cache, alone.Mode);
    }

    [Fact]
    public void Normal_needs_no_lease() =>
        Assert.False(Started.Obey(Says(1, Mode.Normal, leaseEnds: 10)).At(At(1000), 5).Autonomous);

    [Fact]
    public void A_drain_whose_lease_runs_out_goes_on_draining()
    {
        var state = Started.Obey(Says(1, Mode.Drain, leaseEnds: 10)).At(At(11), unsaved: 3);
        Assert.True(state.Autonomous);
        Assert.True(state.Draining);
        Assert.Equal(Mode.Normal, state.At(At(16.001), unsaved: 0).Mode);
    }

    [Fact]
    public void While_the_operator_says_Normal_to_the_others_one_commit_of_our_own_is_enough()
    {
        var met = Started.Obey(Says(7, Mode.Normal, leaseEnds: 10)).Down(Verdict.Deadline, At(1));
        var drain = met.Up(At(1.1));
        Assert.Equal(Mode.Drain, drain.Mode);
        Assert.Equal(Mode.Drain, drain.At(At(1.2), unsaved: 1).Mode);
        Assert.Equal(Mode.Normal, drain.At(At(1.2), unsaved: 0).Mode);
        Assert.Equal(Mode.Cache, met.Up(At(10.001)).Mode);
    }

    [Fact]
    public void Of_several_that_drain_alone_none_is_back_in_Normal_before_the_others_had_time_to_replay()
    {
        Assert.Equal(Mode.Drain, Drained().At(At(16), unsaved: 0).Mode);
        Assert.Equal(Mode.Normal, Drained().At(At(16.001), unsaved: 0).Mode);
        var only = Started.Obey(Says(7, Mode.Normal, fleet: 1)).Down(Verdict.Unreachable, At(0)).Up(At(10)).Up(At(10.5)).Up(At(11));
        Assert.Equal(Mode.Normal, only.At(At(11.1), unsaved: 0).Mode);
    }

    [Theory]
    [InlineData(Verdict.Unreachable, false)]
    [InlineData(Verdict.Deadline, false)]
    [InlineData(Verdict.ReadOnly, true)]
    public void Local_evidence_enters_the_fallback_alone(Verdict verdict, bool readable)
    {
        var state = Started.Obey(Says(7, Mode.Normal)).Down(verdict, At(1));
        Assert.Equal(Mode.Cache, state.Mode);
        Assert.True(state.Autonomous);
        Assert.Equal(7UL, state.Alone!.Epoch);
        Assert.Equal(readable, state.Readable);
    }

    [Fact]
    public void In_a_fallback_of_the_operators_nothing_is_entered_alone() =>
        Assert.False(Started.Obey(Says(1, Mode.Cache)).Down(Verdict.Unreachable, At(1)).Autonomous);

    [Fact]
    public void Normal_of_the_same_epoch_is_no_answer_to_what_the_app_met()
    {
        // F25: the app is cut off from the database, the operator's probers are not.
        var state = Started.Obey(Says(7, Mode.Normal)).Down(Verdict.Unreachable, At(1)).Obey(Says(7, Mode.Normal));
        Assert.Equal(Mode.Cache, state.Mode);
        Assert.True(state.Autonomous);
    }

    [Theory]
    [InlineData(8UL, Mode.Cache)]
    [InlineData(7UL, Mode.Cache)]
    [InlineData(7UL, Mode.Drain)]
    public void A_newer_epoch_or_any_fallback_is_the_operators_answer(ulong epoch, Mode mode)
    {
        var state = Started.Obey(Says(7, Mode.Normal)).Down(Verdict.Unreachable, At(1)).Obey(Says(epoch, mode));
        Assert.Equal(mode, state.Mode);
        Assert.False(state.Autonomous);
    }

    [Fact]
    public void A_pod_that_hears_of_Normal_and_of_no_drain_before_it_drains()
    {
        var state = Started.Obey(Says(7, Mode.Cache)).Obey(Says(9, Mode.Normal));
        Assert.Equal(Mode.Drain, state.Mode);
        Assert.Equal(Mode.Drain, state.At(At(1.2), unsaved: 1).Mode);
        Assert.Equal(Mode.Normal, state.At(At(1.2), unsaved: 0).Mode);
        Assert.Equal(Mode.Normal, Started.Obey(Says(7, Mode.Drain)).Obey(Says(9, Mode.Normal)).Mode);
    }

    [Fact]
    public void Three_commits_over_a_second_lead_to_drain_and_an_empty_journal_to_Normal()
    {
        var state = Started.Obey(Says(7, Mode.Normal, leaseEnds: 1)).Down(Verdict.Unreachable, At(0)).Up(At(10)).Up(At(10.5)).Up(At(11));
        Assert.Equal(Mode.Drain, state.Mode);
        Assert.Equal(Mode.Drain, state.At(At(16.1), unsaved: 1).Mode);
        var done = state.At(At(16.1), unsaved: 0);
        Assert.Equal(Mode.Normal, done.Mode);
        Assert.False(done.Autonomous);
    }

    [Theory]
    [InlineData(new[] { 10, 10.1, 10.999 })] // three, but within a second
    [InlineData(new[] { 10, 11.5 })]         // a second, but only two
    public void Fewer_commits_or_a_shorter_time_do_not_lead_to_drain(double[] times) =>
        Assert.Equal(Mode.Cache, times.Aggregate(Started.Down(Verdict.Unreachable, At(0)), (s, t) => s.Up(At(t))).Mode);

    [Fact]
    public void A_failure_in_between_starts_the_row_over()
    {
        var state = Started.Down(Verdict.Unreachable, At(0)).Up(At(10)).Up(At(10.5)).Down(Verdict.Deadline, At(10.8)).Up(At(11.1));
        Assert.Equal(Mode.Cache, state.Mode);
        Assert.Equal(Mode.Cache, state.Up(At(11.6)).Mode);
        Assert.Equal(Mode.Drain, state.Up(At(11.6)).Up(At(12.1)).Mode);
    }

    [Fact]
    public void A_failure_while_draining_alone_goes_back_to_the_fallback() =>
        Assert.Equal(Mode.Cache, Drained().Down(Verdict.ReadOnly, At(12)).Mode);

    [Fact]
    public void A_drain_of_ones_own_ends_after_a_minute_even_with_changes_left()
    {
        Assert.Equal(Mode.Drain, Drained().At(At(71), unsaved: 9).Mode);
        Assert.Equal(Mode.Normal, Drained().At(At(71.001), unsaved: 9).Mode);
    }

    [Fact]
    public void After_a_lease_ran_out_the_own_recovery_means_Normal_whatever_the_operator_said_last()
    {
        var state = Started.Obey(Says(3, Mode.Cache, leaseEnds: 5, settled: true)).At(At(6), 2).Up(At(10)).Up(At(10.5)).Up(At(11)).At(At(17), 0);
        Assert.Equal(Mode.Normal, state.Mode);
        Assert.False(state.Autonomous);
        Assert.False(state.Settled);
        Assert.Equal(3UL, state.Decision!.Epoch);
    }

    [Fact]
    public void Commits_do_not_end_a_fallback_of_the_operators() =>
        Assert.Equal(Mode.Cache, Started.Obey(Says(1, Mode.Cache)).Up(At(1)).Up(At(3)).Up(At(5)).Mode);

    [Fact]
    public void A_solitary_sidecar_enters_and_leaves_alone()
    {
        var state = Solitary.Down(Verdict.ReadOnly, At(1));
        Assert.Equal(Mode.Cache, state.Mode);
        Assert.True(state.Settled);
        Assert.True(state.OnlyPod);
        Assert.Equal(Mode.Normal, state.Up(At(2)).Up(At(2.5)).Up(At(3)).At(At(4), 0).Mode);
    }

    [Theory]
    [InlineData(true, Mode.Cache, true)]
    [InlineData(false, Mode.Cache, false)]
    [InlineData(true, Mode.Normal, false)]
    public void A_logout_waits_for_an_epoch_that_every_sidecar_has_acked(bool settled, Mode mode, bool expected) =>
        Assert.Equal(expected, Started.Obey(Says(1, mode, settled: settled)).Settled);

    [Fact]
    public void What_a_sidecar_entered_alone_is_not_settled() =>
        Assert.False(Started.Obey(Says(1, Mode.Normal, settled: true)).Down(Verdict.Unreachable, At(1)).Settled);

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(0, false)]
    public void The_operator_says_whether_this_is_the_only_pod(uint fleet, bool expected) =>
        Assert.Equal(expected, Started.Obey(Says(1, Mode.Cache, fleet: fleet)).OnlyPod);

    [Theory]
    [InlineData(Mode.Cache)]
    [InlineData(Mode.Drain)]
    public void An_app_without_a_shared_cache_gets_SkipSave_instead(Mode told)
    {
        var state = (Started with { Limit = "locmem" }).Obey(Says(1, told));
        Assert.Equal(Mode.SkipSave, state.Mode);
        Assert.Equal(Mode.SkipSave, (Started with { Limit = "locmem" }).Down(Verdict.Unreachable, At(1)).Mode);
        Assert.Equal(Mode.Normal, state.Obey(Says(2, Mode.Normal)).Mode);
    }

    [Fact]
    public void The_configured_fallback_is_what_is_entered_alone() =>
        Assert.Equal(Mode.SkipSave, Started.Obey(Says(1, Mode.Normal, fallback: Mode.SkipSave)).Down(Verdict.Unreachable, At(1)).Mode);

    [Fact]
    public void Who_cannot_probe_leaves_a_fallback_of_his_own_blindly_after_five_seconds()
    {
        var state = (Solitary with { CanProbe = false }).Down(Verdict.Unreachable, At(10));
        Assert.Equal(Mode.Cache, state.At(At(15), 0).Mode);
        Assert.Equal(Mode.Normal, state.At(At(15.001), 0).Mode);
        Assert.Equal(Mode.Cache, Solitary.Down(Verdict.Unreachable, At(10)).At(At(1000), 0).Mode);
    }

    [Fact]
    public void Nobody_is_sent_past_acknowledged_changes_blindly()
    {
        // A sidecar restarted during an outage, before the app has said where its database is.
        var state = (Solitary with { CanProbe = false }).Down(Verdict.ReadOnly, At(10));
        Assert.Equal(Mode.Cache, state.At(At(70), unsaved: 1).Mode);
        Assert.Equal(Mode.Normal, state.At(At(70.001), unsaved: 1).Mode);
    }

    [Fact]
    public void A_drain_says_that_the_database_can_be_read() => Assert.True(Started.Obey(Says(1, Mode.Drain)).Readable);

    [Theory]
    [InlineData(Verdict.Unreachable, true)]
    [InlineData(Verdict.Deadline, true)]
    [InlineData(Verdict.ReadOnly, false)]
    public void A_database_is_silent_by_evidence_of_this_pod_until_it_answers(Verdict verdict, bool silent)
    {
        var state = Started.Obey(Says(7, Mode.Normal)).Down(verdict, At(1));
        Assert.Equal(silent, state.Silent);
        Assert.Equal(silent, state.Obey(Says(7, Mode.Normal)).Silent);
        Assert.Equal(silent, state.Obey(Says(8, Mode.Cache)).Silent);
        Assert.False(state.Obey(Says(8, Mode.Drain)).Silent);
        Assert.False(state.Up(At(2)).Silent);
        Assert.False(state.Down(Verdict.ReadOnly, At(2)).Silent);
    }

    [Fact]
    public void A_fallback_that_was_announced_does_not_say_that_nothing_answers() =>
        Assert.False(Started.Obey(Says(1, Mode.Cache)).Silent);

    [Fact]
    public void In_Normal_time_has_nothing_to_say()
    {
        Assert.Null(Started.NextLook(At(1)));
        Assert.Null(Started.Obey(Says(1, Mode.Normal, leaseEnds: 10)).NextLook(At(20)));
    }

    [Theory]
    [InlineData(Mode.SkipSave)]
    [InlineData(Mode.Cache)]
    [InlineData(Mode.Drain)]
    public void A_fallback_of_the_operators_is_looked_at_when_its_lease_ends(Mode mode) =>
        Assert.Equal(At(10), Started.Obey(Says(1, mode, leaseEnds: 10)).NextLook(At(1)));

    [Fact]
    public void Alone_time_decides_only_where_no_probe_does()
    {
        var alone = Started.Down(Verdict.Unreachable, At(1));
        Assert.Null(alone.NextLook(At(1)));
        Assert.NotNull((alone with { CanProbe = false }).NextLook(At(1)));
        var draining = Started.Obey(Says(1, Mode.Drain, leaseEnds: 10)).At(At(11), unsaved: 3);
        Assert.InRange(draining.NextLook(At(11))!.Value, At(11), At(11.5));
    }
}
