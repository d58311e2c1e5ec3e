using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Tests.Decisions;

public class AnnouncementTests
{
    private const string Old = "started 10:00 at 10.0.0.1";
    private const string New = "started 12:00 at 10.0.0.2";

    private static Scene Announced(int forMs = 30_000) =>
        Scene.Writable().Up("a", Old).Announce("pod/orders-db-0", forMs);

    [Fact]
    public void An_announcement_flips_at_once_and_alone()
    {
        var scene = Announced().Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal(Cause.Announced, scene.State.Decision.Cause);
        Assert.Equal("pod/orders-db-0 announced: going away", scene.State.Decision.Reason);
    }

    [Fact]
    public void The_doomed_server_stays_writable_for_a_while_and_is_not_believed() =>
        Announced().Ups(40, 250, "a", Old).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void Another_server_is_believed() =>
        Announced().Ups(8, 250, "a", Old).Down("a").After(500).Ups(5, 250, "a", New).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void The_doomed_server_in_between_starts_the_row_over() =>
        Announced().Ups(4, 250, "a", New).Up("b", Old).Up("a", New).Expect(Phase.Recovering, Mode.Cache);

    [Fact]
    public void An_announcement_that_nothing_confirmed_expires_and_saves_resume() =>
        Announced(3000).Ups(11, 250, "a", Old).Expect(Phase.Unwritable, Mode.Cache)
            .Ups(2, 250, "a", Old).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void After_a_confirmed_one_the_same_server_is_believed_when_the_time_is_over() =>
        Announced(3000).Down("a").After(2000).Ups(3, 250, "a", Old).Expect(Phase.Unwritable, Mode.Cache)
            .After(250).Ups(3, 250, "a", Old).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void Without_a_known_server_the_first_one_seen_is_taken_for_the_doomed_one() =>
        Scene.Writable().Announce("node/one", 30_000).Ups(10, 250, "a", Old).Expect(Phase.Unwritable, Mode.Cache)
            .Ups(5, 250, "a", New).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void A_withdrawn_announcement_is_over_and_only_what_is_committed_from_then_on_counts() =>
        Announced().Ups(8, 250, "a", Old).Withdraw("pod/orders-db-0").Expect(Phase.Unwritable, Mode.Cache)
            .Ups(5, 250, "a", Old).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void Somebody_elses_withdrawal_changes_nothing() =>
        Announced().Ups(8, 250, "a", Old).Withdraw("pod/other").Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void A_served_announcement_does_not_flip_again_after_reopening() =>
        Announced().Ups(5, 250, "a", New).Ack("a", "b", "c").Unsaved(0, "a", "b", "c").Expect(Phase.Writable, Mode.Normal)
            .After(5000).Expect(Phase.Writable, Mode.Normal);

    [Fact]
    public void A_later_announcement_flips_again() =>
        Announced().Ups(5, 250, "a", New).Ack("a", "b", "c").Unsaved(0, "a", "b", "c").After(1000)
            .Announce("pod/orders-db-1", 30_000).Expect(Phase.Unwritable, Mode.Cache)
            .Ups(8, 250, "a", New).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void An_announcement_while_draining_goes_back_to_fallback() =>
        Scene.Draining().Announce("pod/orders-db-0", 30_000).Expect(Phase.Unwritable, Mode.Cache);

    [Fact]
    public void Extending_an_announcement_is_no_transition()
    {
        var scene = Announced(3000);
        var epoch = scene.Epoch;
        scene.After(1000).Announce("pod/orders-db-0", 10_000).Ups(20, 250, "a", Old).Expect(Phase.Unwritable, Mode.Cache);
        Assert.Equal(epoch, scene.Epoch);
    }

    [Fact]
    public void When_one_of_two_announcements_is_withdrawn_the_new_server_is_not_taken_for_the_doomed_one() =>
        Announced().Announce("clusters/orders", 60_000).After(500).Down("a").Up("a", New).Withdraw("clusters/orders")
            .Ups(6, 250, "a", New).Expect(Phase.Recovering, Mode.Drain);

    [Fact]
    public void Who_announced_it_may_shorten_it() =>
        Announced(60_000).After(1000).Announce("pod/orders-db-0", 1000).Ups(5, 250, "a", Old).Expect(Phase.Recovering, Mode.Drain);
}
