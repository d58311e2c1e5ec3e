using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Tests.Decisions;

public class ReconstructionTests
{
    [Theory]
    [InlineData(Mode.Normal, 7UL, Phase.Unknown, Mode.Normal)]
    [InlineData(Mode.Cache, 3UL, Phase.Unwritable, Mode.Cache)]
    [InlineData(Mode.Drain, 3UL, Phase.Recovering, Mode.Drain)]
    public void A_new_operator_continues_where_the_fleet_is(Mode mode, ulong lastNormal, Phase phase, Mode expected)
    {
        var scene = new Scene().Join("a", 7, mode, lastNormal).Expect(phase, expected);
        Assert.Equal((7UL, lastNormal), (scene.Epoch, scene.State.Decision.LastNormalEpoch));
    }

    [Fact]
    public void Of_two_stories_the_newer_one_counts()
    {
        new Scene().Join("a", 7, Mode.Cache, 3).Join("b", 9, Mode.Normal, 9).Expect(Phase.Unknown, Mode.Normal);
        Assert.Equal(9UL, new Scene().Join("b", 9, Mode.Cache, 8).Join("a", 7, Mode.Normal, 7).Expect(Phase.Unwritable, Mode.Cache).Epoch);
    }

    [Fact]
    public void Of_stories_told_at_once_the_newest_counts_whoever_comes_last()
    {
        var supervisor = new Supervisor(new Policy(Mode.Cache), DatabaseState.Initial(Scene.Start));
        supervisor.Join("a", "a", new Claim(9, Mode.Cache, 8, "a"), Scene.Start);
        supervisor.Join("b", "b", new Claim(7, Mode.Normal, 7, "b"), Scene.Start);
        Assert.Equal((9UL, Mode.Cache), (supervisor.Propose(Scene.Start).Decision.Epoch, supervisor.Propose(Scene.Start).Decision.Mode));
    }

    [Fact]
    public void A_sidecars_own_fallback_is_not_the_fleets()
    {
        // Autonomous: Cache is in force there, but the decision at epoch 5 was Normal.
        var scene = new Scene().Join("a", 5, Mode.Cache, 5).Expect(Phase.Unknown, Mode.Normal);
        Assert.Equal(5UL, scene.Epoch);
    }

    [Fact]
    public void An_outage_that_several_met_without_an_operator_is_the_fleets_whoever_comes_first_and_whatever_a_probe_says()
    {
        var scene = new Scene().Join("a", 5, Mode.Normal, 5).Join("b", 5, Mode.Drain, 5).Up("a").Expect(Phase.Writable, Mode.Normal);
        var epoch = scene.Epoch;
        scene.Join("c", 5, Mode.Cache, 5).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal((epoch + 1, epoch), (scene.Epoch, scene.State.Decision.LastNormalEpoch));
        // It ends as any other, and once.
        scene.Unsaved(3, "b", "c").Ups(5, 250).Expect(Phase.Recovering, Mode.Drain).After(2500)
            .Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal).After(1000).Expect(Phase.Writable, Mode.Normal);
    }

    [Fact]
    public void Who_has_left_its_own_fallback_since_it_came_counts_no_more() =>
        new Scene().Join("a", 5, Mode.Cache, 5).Unsaved(0, "a").Join("b", 5, Mode.Cache, 5).Expect(Phase.Unknown, Mode.Normal);

    [Fact]
    public void A_sidecar_that_went_back_to_normal_alone_does_not_end_the_fleets_outage() =>
        new Scene().Join("a", 5, Mode.Normal, 4).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_sidecar_limited_to_SkipSave_does_not_limit_the_others() =>
        new Scene().Join("a", 5, Mode.SkipSave, 4).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_rebuilt_outage_recovers_like_any_other()
    {
        var scene = new Scene().Join("a", 7, Mode.Cache, 3).Ups(5, 250).Expect(Phase.Recovering, Mode.Drain).After(2000)
            .Ack("a").Unsaved(0, "a").Expect(Phase.Writable, Mode.Normal);
        Assert.Equal([7UL, 8, 9, 10], scene.History.Select(d => d.Epoch));
    }

    [Fact]
    public void The_first_sidecar_that_is_back_does_not_end_the_drain_of_all()
    {
        var scene = new Scene().Join("a", 7, Mode.Drain, 3).Ack("a").Unsaved(0, "a").After(2000).Expect(Phase.Recovering, Mode.Drain)
            .Join("b", 7, Mode.Drain, 3).Ack("b").Unsaved(4, "b").After(2000).Expect(Phase.Recovering, Mode.Drain);
        scene.Unsaved(0, "b").Expect(Phase.Writable, Mode.Normal);
    }

    [Fact]
    public void Until_all_may_be_back_nobody_is_told_that_the_epoch_is_settled_or_that_it_is_alone()
    {
        var scene = new Scene().Join("a", 7, Mode.Cache, 3).Ack("a");
        Assert.Equal((false, 2), (scene.Supervisor.Fleet().Settled, scene.Supervisor.Fleet().Told));
        scene.After(2500);
        Assert.Equal((true, 1), (scene.Supervisor.Fleet().Settled, scene.Supervisor.Fleet().Told));
    }

    [Fact]
    public void Proof_of_our_own_outweighs_an_older_decision_but_the_number_moves_on()
    {
        var scene = new Scene(null, "a").Down("a").Down("a").Expect(Phase.Unwritable, Mode.Cache);
        scene.Join("b", 20, Mode.Normal, 20).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal((21UL, 20UL), (scene.Epoch, scene.State.Decision.LastNormalEpoch));
    }

    [Fact]
    public void The_same_mode_at_a_newer_epoch_is_simply_that_epoch()
    {
        var scene = new Scene(null, "a").Down("a").Down("a").Join("b", 20, Mode.Cache, 15);
        Assert.Equal(20UL, scene.Expect(Phase.Unwritable, Mode.Cache).Epoch);
    }

    [Fact]
    public void A_fleet_found_in_outage_by_an_operator_that_has_proof_of_writes_is_drained_first()
    {
        var scene = new Scene(null, "a").Up("a").Expect(Phase.Writable, Mode.Normal);
        scene.Join("b", 20, Mode.Cache, 15).Expect(Phase.Recovering, Mode.Drain);
        Assert.Equal(21UL, scene.Epoch);
        scene.After(2500).Ack("a", "b").Unsaved(0, "a", "b").Expect(Phase.Writable, Mode.Normal);
    }

    [Fact]
    public void A_number_given_twice_for_different_modes_is_given_up()
    {
        var scene = new Scene(null, "a").Down("a").Down("a").Join("b", 1, Mode.Normal, 1).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal(2UL, scene.Epoch);
        Assert.Equal(2UL, scene.Join("c", 1, Mode.Normal, 1).Join("d", 2, Mode.Cache, 1).Epoch);
    }

    [Fact]
    public void An_older_story_changes_nothing()
    {
        var scene = Scene.Unwritable();
        var epoch = scene.Epoch;
        scene.Join("d", 1, Mode.Normal, 1).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal(epoch, scene.Epoch);
    }

    [Fact]
    public void An_older_stored_state_is_not_adopted()
    {
        var scene = Scene.Unwritable();
        Assert.False(scene.Supervisor.Adopt(DatabaseState.Initial(scene.Now)));
        scene.Expect(Phase.Unwritable, Mode.Cache);
    }
}
