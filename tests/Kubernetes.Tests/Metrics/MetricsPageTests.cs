using k8s;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SessionOperator.Kubernetes.Tests.Replicas;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Metrics;

/// <summary>docs/reference/metrics.md says what running operators expose.</summary>
public class MetricsPageTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_page_names_what_is_exposed_with_its_type_and_labels()
    {
        var space = await server.NamespaceAsync("metrics");
        // Watches end, and a drill is seen, decided and told as an event.
        await Databases.Create(server, space, new { });
        await using var replica = await Replica.Start(
            server, "operator-1", space, new KubernetesTimings(TimeSpan.FromSeconds(10)) { Watches = new WatchTimings { ServerTimeout = TimeSpan.FromSeconds(2) } });
        await using var sidecar = await Sidecar.Join(replica.Grpc, $"{space}/orders-db", "web-1");
        await ApiServer.Until(() => Task.FromResult(sidecar.Newest is not null), "the sidecar is told something");
        await sidecar.Probe(Verdict.Writable);
        await sidecar.Refused(Verdict.Unreachable);
        await server.Calls.MergeAsync<SessionDatabase>(
            Databases.PathOf(space), new { metadata = new { annotations = new Dictionary<string, string> { [Annotations.Drill] = "1m" } } }, Cancellation);
        await ApiServer.Until(() => Task.FromResult(sidecar.Newest!.Phase == Phase.Unwritable), "the drill is decided");
        await sidecar.Ack(sidecar.Newest!.Epoch);

        await using var secured = await Secured(space);
        var text = "";
        var documented = Exposition.Documented().Select(metric => $"{metric.Name} {metric.Labels}").Order().ToArray();
        var exposed = Array.Empty<string>();
        await ApiServer.Until(
            async () =>
            {
                text = await Text(secured);
                exposed = [.. Exposition.Series(text).Union(Exposition.Series(await replica.Get("/metrics"))).Order()];
                return exposed.Length >= documented.Length;
            },
            () => $"not exposed: {string.Join("; ", documented.Except(exposed))}");
        Assert.Equal(documented, exposed);
        Assert.Equal(Exposition.Documented().Select(metric => $"{metric.Name} {metric.Type}").Order(), Exposition.Types(text).Order());
    }

    [Fact]
    public async Task A_database_that_is_deleted_takes_its_series_along()
    {
        var space = await server.NamespaceAsync("forgotten");
        await Databases.Create(server, space, new { });
        await using var replica = await Replica.Start(server, "operator-1", space);
        await using (var sidecar = await Sidecar.Join(replica.Grpc, $"{space}/orders-db", "web-1"))
        {
            await sidecar.Probe(Verdict.Writable);
            await ApiServer.Until(() => Task.FromResult(sidecar.Newest?.Phase == Phase.Writable), "it is writable");
            await sidecar.Probe(Verdict.Unreachable);
            await sidecar.Probe(Verdict.Unreachable);
            await ApiServer.Until(() => Task.FromResult(sidecar.Newest?.Phase == Phase.Unwritable), "it is not writable");
        }
        var series = $"session_operator_phase{{database=\"{space}/orders-db\",phase=\"Unwritable\"}} 1";
        await ApiServer.Until(async () => (await replica.Get("/metrics")).Contains(series, StringComparison.Ordinal), "the phase is exposed");
        await server.Client.CustomObjects.DeleteNamespacedCustomObjectWithHttpMessagesAsync(
            SessionDatabase.Group, SessionDatabase.Version, space, SessionDatabase.Plural, "orders-db", cancellationToken: Cancellation);
        await ApiServer.Until(async () => !(await replica.Get("/metrics")).Contains($"\"{space}/orders-db\"", StringComparison.Ordinal), "nothing is exposed of it");
    }

    [Fact]
    public async Task Every_watch_has_an_age()
    {
        var space = await server.NamespaceAsync("ages");
        await Databases.Create(server, space, new { pods = new { preset = "statefulset", cluster = "db" } });
        await using var secured = await Secured(space);
        foreach (var kind in new[]
        {
            "sessiondatabases.sessionoperator.dev", "nodes", "namespaces", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "pods", "endpointslices.discovery.k8s.io",
        })
        {
            await ApiServer.Until(async () => (await Text(secured)).Contains($"session_operator_watch_age_seconds{{resource=\"{kind}\"}}", StringComparison.Ordinal), $"the watch of {kind} has an age");
        }
        await server.Client.CustomObjects.DeleteNamespacedCustomObjectWithHttpMessagesAsync(
            SessionDatabase.Group, SessionDatabase.Version, space, SessionDatabase.Plural, "orders-db", cancellationToken: Cancellation);
        await ApiServer.Until(async () => !(await Text(secured)).Contains("resource=\"pods\"", StringComparison.Ordinal), "what is watched no more has none");
    }

    /// <summary>An operator as the chart configures it: with certificates, tokens and injection.</summary>
    private async Task<WebApplication> Secured(string space)
    {
        await server.Client.CoreV1.CreateNamespacedSecretAsync(
            new V1Secret { Metadata = new V1ObjectMeta { Name = "session-operator-ca" } }, space, cancellationToken: Cancellation);
        var app = KubernetesHost.Build(
            KubernetesConfigReader.Read("config.yaml", Config.Replace("SPACE", space, StringComparison.Ordinal), name => name == "POD_NAME" ? "operator-2" : space),
            KubernetesConnection.Open(server.KubeConfig));
        await app.StartAsync(Cancellation);
        return app;
    }

    private const string Config = """
        grpc: 127.0.0.1:0
        http: 127.0.0.1:0
        webhook: 127.0.0.1:0
        release: session-operator
        namespaces: [SPACE]
        certificates: own
        sidecar: { image: "session-operator/sidecar:1", resources: { requests: { memory: 48Mi } } }
        injection: { enabled: true, heal: false }
        """;

    private static async Task<string> Text(WebApplication app)
    {
        var http = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray()[1];
        using var client = new HttpClient();
        return await client.GetStringAsync(new Uri($"{http}/metrics"), Cancellation);
    }
}
