using SessionOperator.Sidecar.Control;
using static SessionOperator.Sidecar.Tests.Control.LocalModeScene;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>When one pod's mode leaves room for another pod in Normal.</summary>
public class ApartTests
{
    private static readonly LocalMode Together = Started.Obey(Says(7, Mode.Normal));
    private static readonly LocalMode Met = Together.Down(Verdict.Deadline, At(1));

    [Fact]
    public void In_a_fallback_of_its_own_beside_an_operator_that_says_Normal()
    {
        Assert.False(Together.Apart(At(1)));
        Assert.True(Met.Apart(At(60)));
        Assert.True(Met.Up(At(2)).Apart(At(2))); // draining
    }

    [Fact]
    public void In_the_operators_fallback_until_all_obey()
    {
        Assert.True(Met.Obey(Says(8, Mode.Cache, settled: false)).Apart(At(2)));
        var gathered = Met.Obey(Says(8, Mode.Cache));
        Assert.False(gathered.Apart(At(2)));
        // From there nobody goes to Normal before all do.
        Assert.False(gathered.Obey(Says(9, Mode.Drain, settled: false)).Apart(At(3)));
        Assert.True(gathered.Obey(Says(9, Mode.Normal)).Down(Verdict.ReadOnly, At(4)).Apart(At(5)));
        Assert.False(Met.Obey(Says(8, Mode.SkipSave, settled: false)).Apart(At(2)));
    }

    [Fact]
    public void Without_an_operator_until_the_others_have_looked()
    {
        Assert.True(Met.Forsaken().Apart(At(1.9)));
        Assert.False(Met.Forsaken().Apart(At(2)));
    }

    [Fact]
    public void Never_where_there_is_no_other()
    {
        Assert.False(Started.Down(Verdict.Deadline, At(1)).Apart(At(1)));
        Assert.False(Started.Obey(Says(7, Mode.Normal, fleet: 1)).Down(Verdict.Deadline, At(1)).Apart(At(1)));
        Assert.False(Solitary.Down(Verdict.Deadline, At(1)).Apart(At(1)));
    }

    [Fact]
    public void A_pod_that_meets_a_session_of_anothers_fallback_joins_it_and_leaves_it_on_its_own_proof()
    {
        var joined = Together.Join(At(1));
        Assert.Equal((Mode.Cache, true, true), (joined.Mode, joined.Autonomous, joined.Accompanied));
        Assert.Equal(Mode.Drain, joined.Up(At(1.1)).Mode);
        Assert.Equal(joined.Up(At(1.1)), joined.Up(At(1.1)).Join(At(1.2)));
    }
}
