using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Admission;
using SessionOperator.Operator.Injection;
using SessionOperator.Operator.Metrics;

namespace SessionOperator.Kubernetes.Tests.Injection;

/// <summary>The webhook behind TLS on a free port, registered with the API server for one namespace.</summary>
internal sealed class WebhookHost : IAsyncDisposable, ISurroundings, IRefusals
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;
    private readonly ApiServer _server;
    private readonly string _name;

    private WebhookHost(ApiServer server, string ns, Func<AdmissionRequest, AdmissionAnswer>? instead)
    {
        (_server, _name) = (server, $"inject-{ns}");
        _certificate = SelfSigned();
        var webhook = new InjectionWebhook(Settings, this, new DatabasesNow(server.Calls, NullLogger.Instance), new InjectionMetrics(Prometheus.Metrics.NewCustomRegistry()), this);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(_certificate)));
        _app = builder.Build();
        _app.MapAdmission(
            InjectionWebhook.Path, (request, cancel) => instead is null ? webhook.AnswerAsync(request, cancel) : ValueTask.FromResult(instead(request)), NullLogger.Instance);
    }

    public static InjectionSettings Settings { get; } = new("session-operator/sidecar:1", "session-operator", new Uri("https://session-operator.session-operator.svc:7443"))
    {
        PullPolicy = "IfNotPresent",
        Resources = JsonNode.Parse("""{"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"memory": "192Mi"}}""")!.AsObject(),
    };

    public bool NativeSidecars { get; init; }

    public List<(string Namespace, Verdict Verdict)> Refusals { get; } = [];

    public Surroundings Of(string ns) => new(ns, NativeSidecars, "-----BEGIN CERTIFICATE-----", null, new HashSet<string> { "orders-db" });

    public void Refused(string ns, JsonObject pod, Verdict verdict) => Refusals.Add((ns, verdict));

    public static async Task<WebhookHost> StartAsync(ApiServer server, string ns, Func<AdmissionRequest, AdmissionAnswer>? instead = null)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var host = new WebhookHost(server, ns, instead);
        await host._app.StartAsync(cancellation);
        // A server of 1.20 does not label namespaces with their names.
        await server.Client.PatchNamespaceAsync(
            new V1Patch(new { metadata = new { labels = new { test = ns } } }, V1Patch.PatchType.MergePatch), ns, cancellationToken: cancellation);
        var address = host._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await server.Client.AdmissionregistrationV1.CreateMutatingWebhookConfigurationAsync(
            new V1MutatingWebhookConfiguration
            {
                Metadata = new V1ObjectMeta { Name = host._name },
                Webhooks =
                [
                    new V1MutatingWebhook
                    {
                        Name = "inject.sessionoperator.dev",
                        AdmissionReviewVersions = ["v1"],
                        SideEffects = "NoneOnDryRun",
                        FailurePolicy = "Ignore",
                        ReinvocationPolicy = "IfNeeded",
                        TimeoutSeconds = 2,
                        ClientConfig = new Admissionregistrationv1WebhookClientConfig { Url = address + InjectionWebhook.Path, CaBundle = Encoding.ASCII.GetBytes(host._certificate.ExportCertificatePem()) },
                        Rules = [new V1RuleWithOperations { ApiGroups = [""], ApiVersions = ["v1"], Operations = ["CREATE"], Resources = ["pods"] }],
                        NamespaceSelector = new V1LabelSelector { MatchLabels = new Dictionary<string, string> { ["test"] = ns } },
                    },
                ],
            },
            cancellationToken: cancellation);
        return host;
    }

    /// <summary>Ends the webhook; the API server still has its address.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.Client.AdmissionregistrationV1.DeleteMutatingWebhookConfigurationAsync(_name);
        await _app.DisposeAsync();
        _certificate.Dispose();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=webhook", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
