using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Tests.Injection;

public class ClusterVersionsTests
{
    [Theory]
    [InlineData("v1.20.2", 1, 20)]
    [InlineData("v1.29.3-eks-adc7111", 1, 29)]
    [InlineData("v1.30+", 1, 30)]
    [InlineData("v2.0.0", 2, 0)]
    public void A_version_is_read_whatever_a_vendor_adds(string text, int major, int minor) =>
        Assert.Equal(new Version(major, minor), ClusterVersions.Parse(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("latest")]
    [InlineData("v1")]
    public void What_is_no_version_is_none(string? text) => Assert.Null(ClusterVersions.Parse(text));
}
