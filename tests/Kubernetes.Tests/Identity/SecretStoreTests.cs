using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Kubernetes.Tests.Identity;

public class SecretStoreTests(ApiServer server)
{
    private static readonly RotationTimes s_times = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private SecretStore Store(string space) => new(server.Calls, space, "session-operator", s_times);

    private static CertificateState Next(CertificateState state) => Rotation.Advance(state, ["a.b.svc"], DateTimeOffset.UtcNow, s_times);

    [Fact]
    public async Task Of_two_replicas_that_write_at_once_one_wins_and_the_other_reads_what_was_written()
    {
        var space = await server.NamespaceAsync("certificates");
        SecretStore one = Store(space), two = Store(space);
        StoredCertificates first = await one.ReadAsync(Cancellation), second = await two.ReadAsync(Cancellation);
        Assert.Null(first.Version);
        Assert.True(await one.TryWriteAsync(first.Version, Next(first.State), Cancellation));
        Assert.False(await two.TryWriteAsync(second.Version, Next(second.State), Cancellation));
        second = await two.ReadAsync(Cancellation);
        first = await one.ReadAsync(Cancellation);
        Assert.Equal(first.State.Bundle, second.State.Bundle);
        // And the same when it exists already.
        Assert.True(await two.TryWriteAsync(second.Version, second.State with { Serving = null }, Cancellation));
        Assert.False(await one.TryWriteAsync(first.Version, first.State, Cancellation));
    }

    [Fact]
    public async Task An_empty_Secret_of_the_chart_is_filled_in_and_keeps_what_else_it_has()
    {
        var space = await server.NamespaceAsync("certificates");
        var made = new V1Secret
        {
            Metadata = new V1ObjectMeta { Name = "session-operator", Labels = new Dictionary<string, string> { ["helm"] = "yes" } },
            StringData = new Dictionary<string, string> { ["other"] = "kept" },
        };
        await server.Client.CoreV1.CreateNamespacedSecretAsync(made, space, cancellationToken: Cancellation);
        var store = Store(space);
        var stored = await store.ReadAsync(Cancellation);
        Assert.True(await store.TryWriteAsync(stored.Version, Next(stored.State), Cancellation));
        var secret = await server.Client.CoreV1.ReadNamespacedSecretAsync("session-operator", space, cancellationToken: Cancellation);
        Assert.Equal("yes", secret.Metadata.Labels["helm"]);
        Assert.Equal(["ca.crt", "ca.key", "other", "tls.crt", "tls.key"], secret.Data.Keys.Order());
        Assert.Equal("kept", System.Text.Encoding.ASCII.GetString(secret.Data["other"]));
    }

    [Fact]
    public async Task What_somebody_else_wrote_is_said_and_left_alone()
    {
        var space = await server.NamespaceAsync("certificates");
        var foreign = new V1Secret
        {
            Metadata = new V1ObjectMeta { Name = "session-operator" },
            StringData = new Dictionary<string, string> { ["tls.crt"] = "hello", ["tls.key"] = "there" },
        };
        await server.Client.CoreV1.CreateNamespacedSecretAsync(foreign, space, cancellationToken: Cancellation);
        var wrong = await Assert.ThrowsAsync<CertificateStoreException>(() => Store(space).ReadAsync(Cancellation));
        Assert.Contains($"Secret {space}/session-operator is not what this operator wrote", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_server_that_is_away_is_an_error_of_the_store()
    {
        using var nobody = new k8s.Kubernetes(new KubernetesClientConfiguration { Host = "http://127.0.0.1:1" });
        await Assert.ThrowsAsync<CertificateStoreException>(() => new SecretStore(ApiCalls.Of(nobody), "a", "b", s_times).ReadAsync(Cancellation));
    }
}
