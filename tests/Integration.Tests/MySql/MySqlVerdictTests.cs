using SessionOperator.Sidecar.Probing;

namespace SessionOperator.Integration.Tests.MySql;

public sealed class MySqlVerdictTests
{
    [Theory]
    [InlineData(Verdict.ReadOnly, 1290, 1792, 1836, 1036, 1223)]
    [InlineData(Verdict.Unreachable, 2002, 2003, 2006, 2013, 1053, 1927, 1047, 3032, 1021, 1114)]
    [InlineData(Verdict.Saturated, 1040, 1203, 1226, 1205, 1213, 1969, 3024)]
    [InlineData(Verdict.Misconfigured, 1044, 1045, 1142, 1049, 1146, 1054, 1406, 1062)]
    public void Numbers_mean_what_the_servers_mean_by_them(Verdict verdict, params int[] numbers) =>
        Assert.All(numbers, number => Assert.Equal(verdict, MySqlVerdict.OfErrno(number)));
}
