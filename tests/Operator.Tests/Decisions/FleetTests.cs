using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Tests.Decisions;

public class FleetTests
{
    private static string[] ProbersOf(Scene scene) => [.. scene.Supervisor.Fleet().Probers.Order()];

    [Fact]
    public void Settled_means_that_every_connected_sidecar_has_acked_the_epoch_in_force()
    {
        var scene = Scene.Writable().Ack("a", "b");
        Assert.False(scene.Supervisor.Fleet().Settled);
        Assert.True(scene.Ack("c").Supervisor.Fleet().Settled);
        Assert.False(scene.Join("d").Supervisor.Fleet().Settled);
        Assert.True(scene.Leave("d").Supervisor.Fleet().Settled);
        Assert.False(scene.Down("a").Down("b").Supervisor.Fleet().Settled);
    }

    [Fact]
    public void A_sidecar_that_comes_back_has_to_ack_again()
    {
        var scene = Scene.Writable().Ack("a", "b", "c").Join("c");
        Assert.Equal((3, 2), (scene.Supervisor.Fleet().Connected, scene.Supervisor.Fleet().Acked));
    }

    [Fact]
    public void At_most_two_probe() => Assert.Equal(["a", "b"], ProbersOf(new Scene(null, "a", "b", "c", "d")));

    [Fact]
    public void A_prober_that_leaves_is_replaced() => Assert.Equal(["b", "c"], ProbersOf(new Scene(null, "a", "b", "c").Leave("a")));

    [Fact]
    public void A_choice_that_stands_is_not_changed_by_newcomers() =>
        Assert.Equal(["b", "c"], ProbersOf(new Scene(null, "a", "b", "c").Leave("a").Join("a")));

    [Fact]
    public void A_choice_that_stands_is_not_changed_by_older_ones_that_can_probe_now()
    {
        var scene = new Scene().Join("a", canProbe: false).Join("b").Join("c");
        Assert.Equal(["b", "c"], ProbersOf(scene.Unsaved(0, "a")));
    }

    [Fact]
    public void Sidecars_whose_app_has_said_hello_come_first()
    {
        var scene = new Scene().Join("a", canProbe: false).Join("b", canProbe: false).Join("c");
        Assert.Contains("c", ProbersOf(scene));
        Assert.Equal(["c", "d"], ProbersOf(scene.Join("d")));
    }

    [Fact]
    public void A_silent_prober_is_replaced()
    {
        var scene = Scene.Writable();
        for (var i = 0; i < 11; i++)
        {
            scene.Up("b").After(1000);
        }
        Assert.Equal(["b", "c"], ProbersOf(scene));
    }

    [Fact]
    public void A_prober_alone_with_its_bad_news_is_replaced()
    {
        var scene = Scene.Unwritable();
        for (var i = 0; i < 24; i++)
        {
            scene.Up("a").Down("b").After(250);
        }
        Assert.Equal(["a", "c"], ProbersOf(scene));
    }

    [Fact]
    public void One_broken_pod_of_two_does_not_keep_the_fleet_in_fallback()
    {
        var scene = new Scene(null, "a", "b").Up("a").After(500).Down("a").Down("b").Expect(Phase.Unwritable, Mode.Cache).After(250);
        for (var i = 0; i < 30; i++)
        {
            scene.Up("a").Down("b").After(250);
        }
        scene.Expect(Phase.Recovering, Mode.Drain);
    }

    [Fact]
    public void Nobody_is_replaced_while_all_have_the_same_bad_news()
    {
        var scene = Scene.Unwritable();
        for (var i = 0; i < 60; i++)
        {
            scene.Down("a").Down("b").After(250);
        }
        Assert.Equal(["a", "b"], ProbersOf(scene));
    }

    [Theory]
    [InlineData(Phase.Unknown, 1000)]
    [InlineData(Phase.Writable, 1000)]
    [InlineData(Phase.Unwritable, 250)]
    [InlineData(Phase.Recovering, 250)]
    public void Probing_is_slow_while_all_is_well_and_fast_while_not(Phase phase, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), ProbeRequests.Interval(phase));

    [Fact]
    public void What_a_sidecar_saw_survives_its_leaving() =>
        Scene.Writable().Down("a", SignalKind.Unreachable).Leave("a").Down("b").Expect(Phase.Unwritable, Mode.Cache);
}
