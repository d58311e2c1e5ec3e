using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Tests.Decisions;

public class ReportCadenceTests
{
    private static readonly ReplicaTimings s_timings = new(TimeSpan.FromSeconds(10));
    private static readonly FleetEntry s_last = new() { Epoch = 7, Connected = 5, Acked = 4, Drained = 0, CanProbe = 5, Heartbeat = Scene.Start };

    [Fact]
    public void Nothing_new_is_said_now_and_then_and_more_often_in_an_outage()
    {
        Assert.False(IsDue(s_last, 14_999));
        Assert.True(IsDue(s_last, 15_000));
        Assert.False(IsDue(s_last, 2_999, outage: true));
        Assert.True(IsDue(s_last, 3_000, outage: true));
    }

    [Fact]
    public void What_is_not_there_is_written() => Assert.True(ReportCadence.IsDue(s_last, null, TimeSpan.Zero, false, false, s_timings));

    [Fact]
    public void That_all_have_acked_or_no_longer_all_is_said_at_once()
    {
        Urgent(s_last with { Acked = 5 });
        Urgent(s_last with { Epoch = 8, Acked = 5 });
        Urgent(s_last with { Connected = 6, Acked = 4 }, s_last with { Acked = 5 });
        Urgent(s_last with { Acked = 5, Drained = 5 }, s_last with { Acked = 5 });
        Urgent(s_last with { Acked = 5, Drained = 4 }, s_last with { Acked = 5, Drained = 5 });
    }

    [Fact]
    public void What_others_believe_anyway_can_wait()
    {
        Patient(s_last with { Epoch = 8, Acked = 0 });
        Patient(s_last with { Connected = 6 });
        Patient(s_last with { Unsaved = 3 });
        Patient(s_last with { Rescued = 3 });
    }

    [Fact]
    public void The_first_sidecar_and_the_first_that_can_probe_are_said_at_once()
    {
        Urgent(s_last with { Connected = 1, Acked = 0, CanProbe = 0 }, s_last with { Connected = 0, Acked = 0, CanProbe = 0 });
        Urgent(s_last, s_last with { CanProbe = 0 });
        Urgent(s_last with { Leaving = true });
        Urgent(s_last with { Asks = 1 });
    }

    [Fact]
    public void Another_verdict_is_said_at_once_and_the_same_one_when_somebody_asks()
    {
        var probed = s_last with { Probe = new ProbeEntry { Verdict = "Writable", At = Scene.Start, By = "web-1" } };
        var again = probed with { Probe = probed.Probe with { At = Scene.Start.AddSeconds(1) } };
        Urgent(probed with { Probe = probed.Probe with { Verdict = "Unreachable" } }, probed);
        Assert.False(IsDue(again, 14_999, probed));
        Urgent(again with { Probe = again.Probe with { Answers = "b/1" } }, probed);
    }

    [Fact]
    public void The_summary_waits_as_other_news_does()
    {
        Assert.False(IsDue(s_last, 999, summarises: true));
        Assert.True(IsDue(s_last, 1_000, summarises: true));
    }

    private static void Urgent(FleetEntry next, FleetEntry? last = null)
    {
        Assert.False(IsDue(next, 49, last));
        Assert.True(IsDue(next, 50, last));
    }

    private static void Patient(FleetEntry next)
    {
        Assert.False(IsDue(next, 999));
        Assert.True(IsDue(next, 1_000));
    }

    private static bool IsDue(
        FleetEntry next, int since, FleetEntry? last = null, bool outage = false, bool summarises = false) =>
        ReportCadence.IsDue(
            next with { Heartbeat = Scene.Start.AddMilliseconds(since) }, last ?? s_last, TimeSpan.FromMilliseconds(since), outage, summarises, s_timings);
}
