using System.Text;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Admission;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Kubernetes.Tests.Injection;

/// <summary>Whom the API server trusts, kept in a real webhook configuration.</summary>
public class BundleTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_bundle_follows_the_certificate_and_nothing_else_of_the_configuration_changes()
    {
        var name = $"bundle-{Guid.NewGuid():n}";
        var made = await server.Client.CreateMutatingWebhookConfigurationAsync(Configuration(name), cancellationToken: Cancellation);
        var bundle = new Bundle();
        using var keeper = new BundleKeeper(server.Calls, name, bundle, TimeProvider.System, NullLogger.Instance);
        Assert.False(await keeper.TryAsync(Cancellation));
        foreach (var pem in new[] { Authority("one"), Authority("two") })
        {
            bundle.Pem = pem;
            Assert.True(await keeper.TryAsync(Cancellation));
            var now = await server.Client.ReadMutatingWebhookConfigurationAsync(name, cancellationToken: Cancellation);
            Assert.All(now.Webhooks, hook => Assert.Equal(pem, Encoding.ASCII.GetString(hook.ClientConfig.CaBundle)));
            foreach (var hook in now.Webhooks)
            {
                hook.ClientConfig.CaBundle = null;
            }
            Assert.Equal(KubernetesJson.Serialize(made.Webhooks), KubernetesJson.Serialize(now.Webhooks));
        }
        var version = (await server.Client.ReadMutatingWebhookConfigurationAsync(name, cancellationToken: Cancellation)).Metadata.ResourceVersion;
        Assert.True(await keeper.TryAsync(Cancellation));
        Assert.Equal(version, (await server.Client.ReadMutatingWebhookConfigurationAsync(name, cancellationToken: Cancellation)).Metadata.ResourceVersion);
        Assert.True(keeper.Kept.IsCompletedSuccessfully);
        await server.Client.DeleteMutatingWebhookConfigurationAsync(name, cancellationToken: Cancellation);
        Assert.False(await keeper.TryAsync(Cancellation));
    }

    private static V1MutatingWebhookConfiguration Configuration(string name) => new()
    {
        Metadata = new V1ObjectMeta { Name = name },
        Webhooks = [.. new[] { "inject", "other" }.Select(hook => new V1MutatingWebhook
        {
            Name = $"{hook}.sessionoperator.dev",
            AdmissionReviewVersions = ["v1"],
            SideEffects = "None",
            FailurePolicy = "Ignore",
            ClientConfig = new Admissionregistrationv1WebhookClientConfig { Service = new Admissionregistrationv1ServiceReference { Name = "nobody", NamespaceProperty = "nowhere", Path = $"/{hook}" } },
            Rules = [new V1RuleWithOperations { ApiGroups = ["nothing.example"], ApiVersions = ["v1"], Operations = ["CREATE"], Resources = ["nothings"] }],
        })],
    };

    private static string Authority(string name)
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest($"CN={name}", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        return certificate.ExportCertificatePem();
    }

    private sealed class Bundle : ICertificateBundle
    {
        public string Pem { get; set; } = "";

        public IDisposable Subscribe(Action<string> changed) => throw new NotSupportedException();
    }
}
