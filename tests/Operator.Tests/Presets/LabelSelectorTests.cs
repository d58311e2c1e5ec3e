using SessionOperator.Operator.Presets;

namespace SessionOperator.Operator.Tests.Presets;

public class LabelSelectorTests
{
    private static readonly Dictionary<string, string> s_labels = new() { ["app"] = "db", ["cnpg.io/instanceRole"] = "primary", ["empty"] = "" };

    [Theory]
    [InlineData("app=db", true)]
    [InlineData("app==db", true)]
    [InlineData("app=web", false)]
    [InlineData("app!=web", true)]
    [InlineData("app!=db", false)]
    [InlineData("missing!=x", true)]
    [InlineData("app", true)]
    [InlineData("missing", false)]
    [InlineData("!missing", true)]
    [InlineData("!app", false)]
    [InlineData("app in (db, web)", true)]
    [InlineData("app in (web)", false)]
    [InlineData("app notin (web)", true)]
    [InlineData("missing notin (web)", true)]
    [InlineData("app=db,cnpg.io/instanceRole=primary", true)]
    [InlineData("app in (db,web),cnpg.io/instanceRole=replica", false)]
    [InlineData("empty=", true)]
    public void It_means_what_kubectl_means_by_it(string selector, bool matches) =>
        Assert.Equal(matches, LabelSelector.Parse(selector).Matches(s_labels));

    [Theory]
    [InlineData("")]
    [InlineData("app=db,")]
    [InlineData("=db")]
    [InlineData("app in db")]
    [InlineData("app in (db")]
    [InlineData("app in ((db))")]
    [InlineData("app among (db)")]
    [InlineData("app=a b")]
    [InlineData("a b=c")]
    [InlineData("/x=y")]
    public void What_is_none_is_refused(string selector) => Assert.Throws<FormatException>(() => LabelSelector.Parse(selector));

    [Fact]
    public void It_names_the_labels_it_looks_at() =>
        Assert.Equal(["role", "cnpg.io/instanceRole"], LabelSelector.Parse("role=primary,!cnpg.io/instanceRole").Keys);
}
