using System.Text.Json;
using k8s;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Identity;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.State;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Kubernetes.Tests.Rights;

/// <summary>The whole operator, as the chart configures it, under the chart's rights: nothing it asks for is refused, and nothing is granted that it does not ask for.</summary>
public class RightsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_operator_needs_what_the_chart_grants_and_the_chart_grants_what_it_needs()
    {
        // Of its own: the names are those of an installation.
        await using var server = new ApiServer();
        await server.InitializeAsync();
        var token = await ChartRights.GrantAsync(server);
        await using var recorder = await Recorder.StartAsync(server, token);
        await Install(server);
        var kubeconfig = Path.GetTempFileName();
        await File.WriteAllTextAsync(kubeconfig, recorder.KubeConfig, Cancellation);
        using var connection = KubernetesConnection.Open(kubeconfig);
        File.Delete(kubeconfig);
        await using var app = KubernetesHost.Build(
            KubernetesConfigReader.Read("config.yaml", Config, name => name == "POD_NAME" ? "operator-1" : ChartRights.Namespace), connection);
        await app.StartAsync(Cancellation);
        var http = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray()[1];
        using var client = new HttpClient { BaseAddress = new Uri(http) };
        await ApiServer.Until(async () => await Answer(client) == "ready", "it is ready", 60);

        // Events and conditions are written, and so is the decision, which a drill makes.
        foreach (var preset in s_presets)
        {
            await server.Calls.MergeAsync<SessionDatabase>(
                Place(preset), new { metadata = new { annotations = new Dictionary<string, string> { [Annotations.Drill] = "2s" } } }, Cancellation);
        }
        await ApiServer.Until(async () => (await server.Calls.GetAsync<JsonElement>("api/v1/namespaces/shop/events", Cancellation))
            .GetProperty("items").EnumerateArray().Any(one => one.GetProperty("reason").GetString() == "Drill"), "the drill is told as an event", 60);
        await ApiServer.Until(async () => (await server.Calls.GetAsync<SessionDatabase>(Place("patroni"), Cancellation)).Status?.Conditions?.Count >= 5, "conditions are written");
        // The same drill again raises the count of its event where the words are the same; a refused one does for certain.
        for (var i = 0; i < 2; i++)
        {
            foreach (var text in new[] { "soon", "" })
            {
                await server.Calls.MergeAsync<SessionDatabase>(
                    Place("zalando"), new { metadata = new { annotations = new Dictionary<string, string> { [Annotations.Drill] = text } } }, Cancellation);
                await Task.Delay(300, Cancellation);
            }
        }
        await ApiServer.Until(() => Task.FromResult(recorder.Used.Contains(" events patch")), "an event is counted twice");
        // What needs a Service that is routed, or a sidecar.
        Assert.IsType<IdentityVerdict.Accepted>(await new TokenReview(connection.Calls).Review(
            await Pods.TokenAsync(server.Client, await Pods.CreateAsync(server.Client, "shop", "web-1")), Cancellation));
        await Carry(server, connection);
        await Contest(server, connection);
        await ApiServer.Until(
            () => Task.FromResult(!Missing(recorder).Any()), () => $"never asked for: {string.Join(", ", Missing(recorder))}", 60);
        await app.StopAsync(Cancellation);
        Assert.Empty(recorder.Refused);
        Assert.Empty(recorder.Used.Except(ChartRights.Granted).Order());
    }

    private static readonly string[] s_presets = ["statefulset", "cloudnative-pg", "zalando", "patroni", "mariadb-operator"];

    private const string Config = """
        grpc: 127.0.0.1:0
        http: 127.0.0.1:0
        webhook: 127.0.0.1:0
        release: session-operator
        certificates: own
        sidecar: { image: "session-operator/sidecar:1", resources: { requests: { memory: 48Mi } } }
        injection: { enabled: true, heal: false }
        """;

    private static async Task<string> Answer(HttpClient client)
    {
        using var answer = await client.GetAsync(new Uri("/readyz", UriKind.Relative), Cancellation);
        return await answer.Content.ReadAsStringAsync(Cancellation);
    }

    private static IEnumerable<string> Missing(Recorder recorder) => ChartRights.Granted.Except(recorder.Used).Order();

    /// <summary>What the chart makes besides rights, and what it finds.</summary>
    private static async Task Install(ApiServer server)
    {
        await server.Client.CreateNamespaceAsync(new V1Namespace { Metadata = new V1ObjectMeta { Name = "shop" } }, cancellationToken: Cancellation);
        await server.Client.CoreV1.CreateNamespacedSecretAsync(
            new V1Secret { Metadata = new V1ObjectMeta { Name = "session-operator-ca" } }, ChartRights.Namespace, cancellationToken: Cancellation);
        await server.Client.CoordinationV1.CreateNamespacedLeaseAsync(
            new V1Lease { Metadata = new V1ObjectMeta { Name = "session-operator" } }, ChartRights.Namespace, cancellationToken: Cancellation);
        await server.Client.AdmissionregistrationV1.CreateMutatingWebhookConfigurationAsync(
            new V1MutatingWebhookConfiguration
            {
                Metadata = new V1ObjectMeta { Name = "session-operator-session-operator" },
                Webhooks =
                [
                    new V1MutatingWebhook
                    {
                        Name = "inject.sessionoperator.dev",
                        AdmissionReviewVersions = ["v1"],
                        SideEffects = "None",
                        FailurePolicy = "Ignore",
                        ClientConfig = new Admissionregistrationv1WebhookClientConfig { Service = new Admissionregistrationv1ServiceReference { Name = "session-operator", NamespaceProperty = ChartRights.Namespace, Path = "/inject" } },
                    },
                ],
            },
            cancellationToken: Cancellation);
        foreach (var (group, version, plural, kind) in new[] { ("postgresql.cnpg.io", "v1", "clusters", "Cluster"), ("k8s.mariadb.com", "v1alpha1", "mariadbs", "MariaDB") })
        {
            await server.Client.CreateCustomResourceDefinitionAsync(Definitions.Any(group, version, plural, kind), cancellationToken: Cancellation);
        }
        foreach (var preset in s_presets)
        {
            await server.Calls.PostAsync<SessionDatabase>(
                Folder,
                new { apiVersion = SessionDatabase.ApiVersion, kind = SessionDatabase.Kind, metadata = new { name = preset }, spec = new { pods = new { preset, cluster = preset } } },
                Cancellation);
        }
    }

    /// <summary>The annotation of each kind of workload is carried, as the operator does it once its webhook can be reached.</summary>
    private static async Task Carry(ApiServer server, KubernetesConnection connection)
    {
        var databases = new SessionDatabases();
        await databases.Upserted(null, await server.Calls.GetAsync<SessionDatabase>(Place("patroni"), Cancellation), Cancellation);
        using var carrier = new WorkloadCarrier(
            connection.Calls, ChartRights.Namespace, databases, _ => Task.CompletedTask, TimeProvider.System, NullLogger.Instance);
        await carrier.StartAsync(Cancellation);
        var template = new V1PodTemplateSpec
        {
            Metadata = new V1ObjectMeta { Labels = new Dictionary<string, string> { ["app"] = "web" } },
            Spec = new V1PodSpec { Containers = [new V1Container { Name = "app", Image = "app" }] },
        };
        var selector = new V1LabelSelector { MatchLabels = template.Metadata.Labels };
        var metadata = new V1ObjectMeta { Name = "web", Annotations = new Dictionary<string, string> { [Annotations.Database] = "patroni" } };
        await server.Client.CreateNamespacedDeploymentAsync(new V1Deployment { Metadata = metadata, Spec = new V1DeploymentSpec { Selector = selector, Template = template } }, "shop", cancellationToken: Cancellation);
        await server.Client.CreateNamespacedStatefulSetAsync(new V1StatefulSet { Metadata = metadata, Spec = new V1StatefulSetSpec { Selector = selector, Template = template, ServiceName = "web" } }, "shop", cancellationToken: Cancellation);
        await server.Client.CreateNamespacedDaemonSetAsync(new V1DaemonSet { Metadata = metadata, Spec = new V1DaemonSetSpec { Selector = selector, Template = template } }, "shop", cancellationToken: Cancellation);
        foreach (var kind in WorkloadKind.All)
        {
            var path = $"{kind.Resource.Path("shop")}/web";
            var source = await server.Calls.GetAsync<JsonElement>(path, Cancellation);
            await carrier.Upserted(null, Workload.Read(kind, source, ObjectMeta.Read(source)!), Cancellation);
            await ApiServer.Until(async () => (await server.Calls.GetAsync<JsonElement>(path, Cancellation)).GetRawText().Contains("f:template", StringComparison.Ordinal)
                && (await server.Calls.GetAsync<JsonElement>(path, Cancellation)).GetProperty("spec").GetProperty("template").GetProperty("metadata").TryGetProperty("annotations", out _), $"the template of the {kind.Name} has the annotation");
        }
        await carrier.StopAsync(Cancellation);
    }

    /// <summary>A decision whose object somebody has changed meanwhile is written all the same, after another look.</summary>
    private static async Task Contest(ApiServer server, KubernetesConnection connection)
    {
        var databases = new SessionDatabases();
        var known = await server.Calls.GetAsync<SessionDatabase>(Place("statefulset"), Cancellation);
        await databases.Upserted(null, known, Cancellation);
        await server.Calls.MergeAsync<SessionDatabase>(Place("statefulset"), new { metadata = new { labels = new { changed = "meanwhile" } } }, Cancellation);
        var stored = DecisionStatus.Read(known)!;
        await new KubernetesDecisionStore(connection.Calls, databases).TryWriteAsync("shop/statefulset", stored.Version, stored.State, Cancellation);
    }

    private static string Folder => $"apis/{SessionDatabase.ApiVersion}/namespaces/shop/{SessionDatabase.Plural}";

    private static string Place(string name) => $"{Folder}/{name}";
}
