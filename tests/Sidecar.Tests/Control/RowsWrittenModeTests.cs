using SessionOperator.Sidecar.Control;
using static SessionOperator.Sidecar.Tests.Control.LocalModeScene;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>Whether the row of a session can be newer than a record of it.</summary>
public class RowsWrittenModeTests
{
    private static Held Fallback(ulong epoch, ulong lastNormal) => Says(epoch, Mode.Cache) with { LastNormalEpoch = lastNormal };

    private static readonly LocalMode Obeying = Started.Obey(Says(7, Mode.Normal)).Obey(Fallback(8, 7));

    [Fact]
    public void Not_while_all_pods_have_been_in_the_operators_fallback_since()
    {
        Assert.True(Obeying.RowsStandSince(8));
        Assert.True(Obeying.Obey(Fallback(9, 7)).RowsStandSince(8));
    }

    [Fact]
    public void It_can_where_one_was_in_Normal_or_brought_its_sessions_to_the_database()
    {
        Assert.False(Obeying.RowsStandSince(7));
        Assert.False(Obeying.Obey(Fallback(10, 9)).RowsStandSince(8));
        var again = Obeying.Obey(Says(9, Mode.Drain)).Obey(Fallback(10, 7));
        Assert.False(again.RowsStandSince(8));
        Assert.False(again.RowsStandSince(9));
        Assert.True(again.RowsStandSince(10));
    }

    [Fact]
    public void It_can_where_nobody_tells_what_the_others_do()
    {
        Assert.False(Obeying.Forsaken().RowsStandSince(8));
        Assert.False(Obeying.Forsaken().Obey(Fallback(9, 7)).RowsStandSince(8));
        Assert.False(Obeying.At(At(101), 0).RowsStandSince(8));
        Assert.False(Obeying.At(At(101), 0).Obey(Fallback(8, 7)).RowsStandSince(8));
    }
}
