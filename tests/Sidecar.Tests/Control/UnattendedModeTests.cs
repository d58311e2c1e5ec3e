using SessionOperator.Sidecar.Control;
using static SessionOperator.Sidecar.Tests.Control.LocalModeScene;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>Of one pod's mode while its operator is away, or back with news.</summary>
public class UnattendedModeTests
{
    [Fact]
    public void Normal_of_a_newer_epoch_is_an_answer_too_and_what_was_kept_meanwhile_comes_first()
    {
        // An operator that was away has seen the database take writes, and no outage.
        var state = Started.Obey(Says(7, Mode.Normal)).Down(Verdict.Unreachable, At(1)).Obey(Says(8, Mode.Normal));
        Assert.Equal(Mode.Drain, state.Mode);
        Assert.Equal(Mode.Drain, state.Obey(Says(8, Mode.Normal)).At(At(2), unsaved: 1).Mode);
        Assert.Equal(Mode.Normal, state.At(At(2), unsaved: 0).Mode);
        Assert.Equal(Mode.Drain, state.Obey(Says(9, Mode.Normal)).Mode);
        Assert.Equal(Mode.Cache, state.Down(Verdict.Unreachable, At(2)).Obey(Says(8, Mode.Normal)).Mode);
    }

    [Fact]
    public void What_an_operator_said_last_is_not_what_it_told_the_others_since()
    {
        var met = Started.Obey(Says(7, Mode.Normal)).Down(Verdict.ReadOnly, At(1));
        Assert.Equal(Mode.Cache, met.Forsaken().Up(At(1.1)).Mode);
        Assert.Equal(Mode.Drain, met.Up(At(1.1)).Forsaken().At(At(1.2), unsaved: 0).Mode);
        // Nor is what one says that has not heard all of them yet.
        Assert.Equal(Mode.Cache, met.Obey(Says(7, Mode.Normal, settled: false)).Up(At(1.1)).Mode);
    }

    [Fact]
    public void Without_an_operator_a_pod_in_Normal_follows_one_that_met_an_outage()
    {
        var state = Started.Follow(At(1));
        Assert.Equal((Mode.Cache, true, true), (state.Mode, state.Autonomous, state.Accompanied));
        Assert.Equal(Mode.Drain, state.Up(At(2)).Up(At(2.5)).Up(At(3)).Mode);
        Assert.Equal(Mode.Cache, Started.Obey(Says(7, Mode.Normal)).Forsaken().Follow(At(1)).Mode);
        // Where there is one, or where this pod is the whole fleet, it is not asked.
        Assert.Equal(Mode.Normal, Started.Obey(Says(7, Mode.Normal)).Follow(At(1)).Mode);
        Assert.Equal(Mode.Normal, Solitary.Follow(At(1)).Mode);
        Assert.Equal(Mode.Drain, Drained().Follow(At(12)).Mode);
    }

    [Fact]
    public void Without_an_operator_a_drain_waits_for_pods_that_are_still_in_fallback()
    {
        var beside = Drained().Beside(At(15.8));
        Assert.Equal(Mode.Drain, beside.At(At(17.2), unsaved: 0).Mode);
        Assert.Equal(Mode.Normal, beside.At(At(17.301), unsaved: 0).Mode);
        Assert.Equal(Mode.Normal, Drained().Beside(At(70.5)).At(At(71.001), unsaved: 9).Mode);
    }
}
