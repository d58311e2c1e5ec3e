using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Tests.Standalone;

public class KubernetesConfigReaderTests
{
    private static readonly Dictionary<string, string> s_pod = new() { ["POD_NAME"] = "operator-1", ["POD_NAMESPACE"] = "session-operator" };

    [Fact]
    public void An_empty_mapping_is_the_defaults()
    {
        var config = Read("{}");
        Assert.Equal(
            ("0.0.0.0:7443", "0.0.0.0:7080", "0.0.0.0:9443", 10, 0, "session-operator", CertificateSource.Own, "operator-1", "session-operator"),
            (config.Grpc.ToString(), config.Http.ToString(), config.Webhook.ToString(), config.Lease.Seconds, config.Namespaces.Count,
                config.Release, config.Certificates, config.PodName, config.PodNamespace));
    }

    [Fact]
    public void What_is_written_counts()
    {
        var config = Read("""
            grpc: "[::]:7443"
            lease: 30s
            namespaces: [shop, blog]
            release: so
            certificates: files
            sidecar: { image: "registry.example/sidecar:1", pullPolicy: Always }
            injection: { enabled: false }
            """);
        Assert.Equal(("[::]:7443", 30, "so", CertificateSource.Files), (config.Grpc.ToString(), config.Lease.Seconds, config.Release, config.Certificates));
        Assert.Equal(["shop", "blog"], config.Namespaces);
        Assert.NotNull(config.Sidecar.Node);
        Assert.NotNull(config.Injection.Node);
    }

    [Theory]
    [InlineData("grcp: 0.0.0.0:7443", "config.yaml, line 1: grcp is not a known field")]
    [InlineData("namespaces: shop", "namespaces is no list; write a list of namespaces, or [] for all")]
    [InlineData("namespaces: [Shop]", "namespaces holds \"Shop\"; write a Kubernetes name")]
    [InlineData("certificates: cert-manager", "certificates is \"cert-manager\"; write own")]
    [InlineData("release: So", "release is \"So\"; write a Kubernetes name")]
    [InlineData("lease: 1s", "lease is \"1s\"; write a time from 3s to 5m")]
    public void Wrong_input_is_told_where_and_what_to_write(string text, string says)
    {
        var wrong = Assert.Throws<ConfigException>(() => Read(text));
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_pods_name_it_says_where_to_take_it_from()
    {
        var wrong = Assert.Throws<ConfigException>(() => KubernetesConfigReader.Read("config.yaml", "{}", _ => null));
        Assert.Contains("POD_NAME is not set; set it in the pod from metadata.name", wrong.Message, StringComparison.Ordinal);
    }

    private static KubernetesConfig Read(string text) => KubernetesConfigReader.Read("config.yaml", text, name => s_pod.GetValueOrDefault(name));
}
