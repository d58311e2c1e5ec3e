using SessionOperator.Operator.Signals;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Operator.Tests.Signals;

/// <summary>What becomes of pods, and whether it is decisive.</summary>
public class PodSightingsTests
{
    private static readonly PodView s_primary = View.Pod("o-1", "primary");
    private static readonly PodView s_replica = View.Pod("o-2", "replica");
    private static readonly DatabaseView s_two = View.Of(s_primary, s_replica);

    private static string[] Seen(PodView changed) => View.Seen(s_two, s_two.With(changed));

    [Fact]
    public void A_primary_that_terminates_is_announced_until_its_grace_is_over()
    {
        var after = s_two.With(s_primary with { Deleting = View.Now.AddSeconds(60) });
        var sighting = Assert.Single(Sightings.Between(s_two, after, View.Cnpg, View.Now));
        Assert.Equal("Terminating:Announced pod/o-1 is terminating", View.Words(sighting));
        Assert.Equal((SignalOrigin.Announcement, View.Now.AddSeconds(90)), (sighting.Signal!.Origin, sighting.Signal.Expires));
        // Once: it goes on terminating, and then it is gone.
        Assert.Empty(View.Seen(after, after.With(after.Pods[s_primary.Uid] with { Ready = false })));
        Assert.Empty(View.Seen(after, after.Without("o-1")));
    }

    [Theory]
    [InlineData(-3600, 30)]
    [InlineData(1800, 1830)]
    [InlineData(86400, 1860)]
    public void A_termination_is_waited_for_within_bounds(int graceSeconds, int waitSeconds)
    {
        var after = s_two.With(s_primary with { Deleting = View.Now.AddSeconds(graceSeconds) });
        Assert.Equal(View.Now.AddSeconds(waitSeconds), Sightings.Between(s_two, after, View.Cnpg, View.Now).Single().Signal!.Expires);
    }

    [Fact]
    public void A_primary_that_is_not_ready_has_stopped() =>
        Assert.Equal(["NotReady:Stopped pod/o-1 is not ready"], Seen(s_primary with { Ready = false }));

    [Fact]
    public void A_primary_that_loses_its_label_is_announced_and_withdrawn_when_it_gets_it_back()
    {
        var demoted = s_two.With(View.Pod("o-1", "replica"));
        var lost = Assert.Single(Sightings.Between(s_two, demoted, View.Cnpg, View.Now));
        Assert.Equal("RoleLost:Announced pod/o-1 is no longer labelled primary", View.Words(lost));
        Assert.Equal(View.Now.AddSeconds(15), lost.Signal!.Expires);
        var back = Assert.Single(Sightings.Between(demoted, s_two, View.Cnpg, View.Now));
        Assert.Equal("RoleBack:Withdrawn pod/o-1 is labelled primary", View.Words(back));
        Assert.Equal(lost.Signal.Reporter, back.Signal!.Reporter);
        Assert.StartsWith("RoleLost:Announced", View.Seen(s_two, s_two.With(View.Pod("o-1"))).Single());
    }

    [Fact]
    public void A_primary_whose_container_ends_has_stopped_whatever_other_containers_do()
    {
        Assert.Equal(
            ["ContainerDown:Stopped pod/o-1 runs no postgres any more (OOMKilled, exit code 137)"],
            Seen(s_primary with { Container = ContainerState.Down, LastExit = "OOMKilled, exit code 137", Ready = false }));
        Assert.Equal(
            ["ContainerRestarted:Suspect pod/o-1 has restarted its postgres (Error, exit code 1)"],
            Seen(s_primary with { Restarts = 1, LastExit = "Error, exit code 1" }));
    }

    [Fact]
    public void A_primary_that_is_gone_without_a_goodbye_has_stopped() =>
        Assert.Equal(["PodGone:Stopped pod/o-1 is gone"], View.Seen(s_two, s_two.Without("o-1")));

    [Fact]
    public void What_the_server_says_of_itself_is_a_suspicion() =>
        Assert.Equal(["Unwell:Suspect pod/o-1 says of itself: crashed"], Seen(s_primary with { Unwell = "crashed" }));

    [Fact]
    public void Replicas_may_come_and_go()
    {
        Assert.Empty(Seen(s_replica with { Ready = false }));
        Assert.Empty(Seen(s_replica with { Deleting = View.Now }));
        Assert.Empty(Seen(s_replica with { Container = ContainerState.Down }));
        Assert.Empty(View.Seen(s_two, s_two.Without("o-2")));
        Assert.Empty(View.Seen(s_two, s_two.With(View.Pod("o-3", "replica"))));
    }

    [Fact]
    public void Two_primary_labels_do_not_flap()
    {
        // F14: the second label comes first, then the first one goes, in any of the ways it can.
        var both = s_two.With(View.Pod("o-2", "primary"));
        Assert.DoesNotContain(View.Seen(s_two, both), words => !words.StartsWith("RoleBack:Withdrawn pod/o-2", StringComparison.Ordinal));
        Assert.Equal(["RoleLost:Suspect pod/o-1 is no longer labelled primary"], View.Seen(both, both.With(View.Pod("o-1", "replica"))));
        Assert.Equal(["NotReady:Suspect pod/o-1 is not ready"], View.Seen(both, both.With(s_primary with { Ready = false })));
        Assert.Equal(["Terminating:Suspect pod/o-1 is terminating"], View.Seen(both, both.With(s_primary with { Deleting = View.Now })));
        Assert.Equal(["PodGone:Suspect pod/o-1 is gone"], View.Seen(both, both.Without("o-1")));
        // A second one that cannot serve does not count.
        var lame = s_two.With(View.Pod("o-2", "primary", ready: false));
        Assert.Equal(["NotReady:Stopped pod/o-1 is not ready"], View.Seen(lame, lame.With(s_primary with { Ready = false })));
    }

    [Fact]
    public void A_pod_that_was_never_ready_can_still_be_told_to_go()
    {
        var unready = View.Of(s_primary with { Ready = false });
        Assert.Equal(["Terminating:Announced pod/o-1 is terminating"], View.Seen(unready, unready.With(s_primary with { Ready = false, Deleting = View.Now })));
    }

    [Fact]
    public void Without_roles_one_of_several_pods_is_a_suspicion_and_the_last_one_decides()
    {
        var (zero, one) = (View.Pod("orders-0"), View.Pod("orders-1"));
        var both = View.Of(zero, one);
        var half = both.With(one with { Ready = false });
        Assert.Equal(["NotReady:Suspect pod/orders-1 is not ready"], View.Seen(both, half, View.Plain));
        Assert.Equal(["NotReady:Stopped pod/orders-0 is not ready"], View.Seen(half, half.With(zero with { Ready = false }), View.Plain));
        var single = View.Of(zero);
        Assert.Equal(["Terminating:Announced pod/orders-0 is terminating"], View.Seen(single, single.With(zero with { Deleting = View.Now }), View.Plain));
    }

    [Fact]
    public void A_cluster_that_writes_no_roles_counts_by_its_pods()
    {
        var single = View.Of(View.Pod("o-1"));
        Assert.Equal(["NotReady:Stopped pod/o-1 is not ready"], View.Seen(single, single.With(View.Pod("o-1", ready: false))));
    }

    [Fact]
    public void The_last_replica_is_not_taken_for_a_primary_that_was_there_before() =>
        Assert.Equal(["PodGone:Stopped pod/o-1 is gone"], View.Seen(s_two, s_two.Without("o-1")));

    [Fact]
    public void What_is_seen_for_the_first_time_is_no_change() =>
        Assert.Empty(View.Seen(DatabaseView.Empty, View.Of(s_primary with { Ready = false, Deleting = View.Now })));

    [Fact]
    public void A_readiness_probe_that_flickers_flips_once_in_five_minutes_for_one_run_of_a_container()
    {
        var restraint = Restraint.None;
        SignalKind? At(int second, PodView was)
        {
            var view = View.Of(was);
            var sighting = Sightings.Between(view, view.With(was with { Ready = false }), View.Cnpg, View.Now).Single();
            (restraint, var passed) = restraint.Apply(sighting, View.Now.AddSeconds(second));
            return passed.Signal?.Kind;
        }
        Assert.Equal(SignalKind.Stopped, At(0, s_primary));
        Assert.Equal(SignalKind.Suspect, At(10, s_primary));
        Assert.Equal(SignalKind.Suspect, At(299, s_primary));
        Assert.Equal(SignalKind.Stopped, At(20, s_primary with { Restarts = 1 }));
        Assert.Equal(SignalKind.Stopped, At(301, s_primary));
        var gone = Sightings.Between(s_two, s_two.Without("o-1"), View.Cnpg, View.Now).Single();
        Assert.Equal(SignalKind.Stopped, restraint.Apply(gone, View.Now.AddSeconds(302)).Sighting.Signal!.Kind);
    }
}
