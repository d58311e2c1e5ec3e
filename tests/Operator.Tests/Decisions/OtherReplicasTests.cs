using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Tests.Decisions;

/// <summary>Replica "b" and what it believes of "a" and "c".</summary>
public class OtherReplicasTests
{
    private static readonly ReplicaTimings s_timings = new(TimeSpan.FromSeconds(10));
    private readonly OtherReplicas _others = new("b", "b1", s_timings);
    private readonly Dictionary<string, FleetEntry> _board = [];
    private DateTimeOffset _now = Scene.Start;
    private bool _outage = true;
    private int _beats;

    [Fact]
    public void What_others_say_counts_for_the_epoch_they_say_it_of()
    {
        Write("a", connected: 5, acked: 5, epoch: 7);
        Assert.Equal((5, 5), View(7));
        Assert.Equal((5, 0), View(8));
    }

    [Fact]
    public void A_replica_that_says_nothing_is_cut_off_and_its_sidecars_count_until_their_lease_has_run_out()
    {
        Write("a", connected: 5, acked: 0, epoch: 7);
        See(9);
        Assert.False(_others.IsFirst);
        Assert.Equal((5, 0), View(7));
        See(1);
        Assert.True(_others.IsFirst);
        Assert.Equal((5, 0), View(7));
        See(9);
        Assert.Equal((5, 0), View(7));
        See(1);
        Assert.Equal((0, 0), View(7));
        Assert.Equal(["a"], _others.Dropped.Select(dropped => dropped.Name));
    }

    [Fact]
    public void Time_in_which_nothing_could_be_seen_makes_nobody_older()
    {
        Write("a", connected: 5, acked: 0, epoch: 7);
        _now += TimeSpan.FromHours(1);
        _others.Pass(_outage, _now);
        Assert.Equal((5, 0), View(7));
        Assert.False(_others.IsFirst);
    }

    [Fact]
    public void A_replica_that_speaks_again_lives()
    {
        Write("a", connected: 5, acked: 0, epoch: 7);
        See(15);
        Assert.True(_others.IsFirst);
        Write("a", connected: 5, acked: 5, epoch: 7);
        See(5);
        Assert.False(_others.IsFirst);
        Assert.Equal((5, 5), View(7));
    }

    [Fact]
    public void While_all_is_well_replicas_speak_seldom_and_get_their_time_anew_when_an_outage_begins()
    {
        _outage = false;
        Write("a", connected: 5, acked: 5, epoch: 7);
        See(40);
        Assert.False(_others.IsFirst);
        _outage = true;
        See(9);
        Assert.False(_others.IsFirst);
    }

    [Fact]
    public void Sidecars_of_a_replica_that_stops_are_expected_elsewhere_for_a_moment()
    {
        Write("a", connected: 5, acked: 2, epoch: 7);
        Write("a", connected: 5, acked: 2, epoch: 7, leaving: true);
        Assert.True(_others.IsFirst);
        After(2400);
        Assert.Equal((5, 2), View(7));
        After(100);
        Assert.Equal((0, 0), View(7));
        Assert.Equal(["a"], _others.Dropped.Select(dropped => dropped.Name));
        Remove("a");
        Assert.Empty(_others.Dropped);
    }

    [Fact]
    public void So_are_those_of_a_replica_that_is_started_anew_under_its_name()
    {
        Write("a", connected: 5, acked: 2, epoch: 7);
        Write("a", connected: 1, acked: 1, epoch: 7, instance: "second");
        Assert.Equal((6, 3), View(7));
        After(2500);
        Assert.Equal((1, 1), View(7));
        Assert.Empty(_others.Dropped);
    }

    [Fact]
    public void And_those_of_our_own_predecessor()
    {
        Write("b", connected: 5, acked: 2, epoch: 7, instance: "b0");
        Assert.Equal((5, 2), View(7));
        Assert.True(_others.IsFirst);
        Write("b", connected: 1, acked: 1, epoch: 7, instance: "b1");
        Assert.Equal((5, 2), View(7));
        After(2500);
        Assert.Equal((0, 0), View(7));
    }

    [Fact]
    public void At_most_two_probe_over_all_replicas()
    {
        Assert.Equal(2, _others.ProbersOfOurs(true));
        Write("a", connected: 5, canProbe: 0);
        Assert.Equal(2, _others.ProbersOfOurs(true));
        Write("c", connected: 5, canProbe: 3);
        Assert.Equal((1, 0), (_others.ProbersOfOurs(true), _others.ProbersOfOurs(false)));
        Write("a", connected: 5, canProbe: 1);
        Assert.Equal(1, _others.ProbersOfOurs(true));
        Write("aa", connected: 5, canProbe: 1);
        Assert.Equal(0, _others.ProbersOfOurs(true));
    }

    [Fact]
    public void A_probers_word_is_heard_once_and_is_as_old_as_its_replica_says()
    {
        Write("a", connected: 1);
        var probe = new ProbeEntry { Verdict = "Unreachable", At = _now.AddHours(3).AddMilliseconds(-300), By = "web-1" };
        var signal = Assert.Single(Write("a", connected: 1, probe: probe, heartbeat: _now.AddHours(3)));
        Assert.Equal((_now.AddMilliseconds(-300), "web-1"), (signal.At, signal.ReporterName));
        Assert.Empty(Write("a", connected: 1, probe: probe, heartbeat: _now.AddHours(3).AddSeconds(3)));
        Assert.Equal(["@a/web-1"], _others.Probers);
        See(11);
        Assert.Empty(_others.Probers);
    }

    [Fact]
    public void A_passed_probe_may_have_been_on_its_way_for_long_unless_it_answers_our_question()
    {
        Write("a", connected: 1);
        After(5000);
        Assert.Equal(_now.AddSeconds(-5), Assert.Single(Write("a", connected: 1, probe: Passed(1, null))).At);
        _others.Ask(_now);
        After(10);
        _others.Ask(_now);
        After(100);
        Assert.Equal(_now.AddSeconds(-1), Assert.Single(Write("a", connected: 1, probe: Passed(2, "b/3 c/4"))).At);
        Assert.Equal(_now.AddMilliseconds(-110), Assert.Single(Write("a", connected: 1, probe: Passed(3, "b/1 c/4"))).At);
        Assert.Equal(_now.AddMilliseconds(-100), Assert.Single(Write("a", connected: 1, probe: Passed(4, "b/2 c/4"))).At);

        ProbeEntry Passed(int number, string? answers) => new()
        {
            Verdict = "Writable",
            At = Scene.Start.AddYears(2).AddSeconds(number),
            By = "web-1",
            Answers = answers,
        };
    }

    [Fact]
    public void Questions_are_heard_until_their_replica_is_gone()
    {
        Write("c", connected: 1, asks: 3);
        Write("a", connected: 1, asks: 2);
        Assert.Equal("a/2 c/3", _others.Asked);
        Write("a", connected: 1, asks: 2, leaving: true);
        Assert.Equal("c/3", _others.Asked);
    }

    [Fact]
    public void What_stood_there_before_we_came_is_no_news() => Assert.Empty(
        Write("a", connected: 1, probe: new ProbeEntry { Verdict = "Unreachable", At = _now, By = "web-1" }));

    private IReadOnlyList<SessionOperator.Operator.Signals.Signal> Write(
        string name, int connected, int acked = 0, ulong epoch = 0, int canProbe = 0, string instance = "first", bool? leaving = null,
        ProbeEntry? probe = null, DateTimeOffset? heartbeat = null, long asks = 0)
    {
        _board[name] = new FleetEntry
        {
            Instance = instance,
            Connected = connected,
            Acked = acked,
            Epoch = epoch,
            CanProbe = canProbe,
            Leaving = leaving,
            Probe = probe,
            Asks = asks,
            Heartbeat = heartbeat ?? Scene.Start.AddYears(1).AddSeconds(++_beats),
        };
        return Learn();
    }

    private void Remove(string name)
    {
        _board.Remove(name);
        Learn();
    }

    private IReadOnlyList<SessionOperator.Operator.Signals.Signal> Learn()
    {
        var said = _others.Learn(_board, _now);
        _others.Pass(_outage, _now);
        return said;
    }

    /// <summary>Time in which we see the board, and nothing changes there.</summary>
    private void See(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _now += TimeSpan.FromSeconds(1);
            _others.Pass(_outage, _now);
            _others.Saw(TimeSpan.FromSeconds(1));
            _others.Pass(_outage, _now);
        }
    }

    private void After(int milliseconds)
    {
        _now += TimeSpan.FromMilliseconds(milliseconds);
        _others.Pass(_outage, _now);
    }

    private (int Connected, int Acked) View(ulong epoch)
    {
        var view = FleetView.Empty.With(_others, epoch);
        return (view.Connected, view.Acked);
    }
}
