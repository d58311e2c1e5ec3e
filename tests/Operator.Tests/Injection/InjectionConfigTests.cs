using SessionOperator.Operator.Injection;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Tests.Injection;

public class InjectionConfigTests
{
    [Fact]
    public void What_the_chart_writes_is_read()
    {
        var read = Read("""
            release: so
            sidecar: { image: "registry/sidecar:1", pullPolicy: Never, resources: {"limits":{"memory":"192Mi"},"requests":{"cpu":1}} }
            injection: { enabled: true, heal: true }
            """);
        Assert.True(read.Enabled && read.Heal);
        Assert.Equal(("registry/sidecar:1", "Never", "operators"), (read.Settings.Image, read.Settings.PullPolicy, read.Settings.OwnNamespace));
        Assert.Equal("https://so.operators.svc:7443/", read.Settings.Operator.ToString());
        Assert.Equal("""{"limits":{"memory":"192Mi"},"requests":{"cpu":"1"}}""", read.Settings.Resources.ToJsonString());
    }

    [Fact]
    public void Without_a_word_nothing_is_injected() => Assert.False(Read("lease: 10s").Enabled);

    [Theory]
    [InlineData("injection: { enabled: maybe }", "true or false")]
    [InlineData("injection: { enabled: true }", "write sidecar")]
    [InlineData("injection: { enabled: true, heel: true }", "known here are enabled, heal")]
    [InlineData("injection: { enabled: true }\nsidecar: { image: a, pullPolicy: Sometimes }", "Always, IfNotPresent or Never")]
    public void What_cannot_be_is_refused_with_what_to_write(string text, string says) =>
        Assert.Contains(says, Assert.Throws<ConfigException>(() => Read(text)).Message, StringComparison.Ordinal);

    private static InjectionConfig Read(string text) =>
        InjectionConfig.Read(KubernetesConfigReader.Read("config.yaml", text, name => name == "POD_NAMESPACE" ? "operators" : "so-0"));
}
