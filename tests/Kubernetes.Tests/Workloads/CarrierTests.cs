using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Kubernetes.Tests.Workloads;

/// <summary>Two carriers, as two replicas run, against a real API server.</summary>
public class CarrierTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_annotation_is_carried_into_the_template_and_removed_without_a_trace()
    {
        var ns = await server.NamespaceAsync("carry");
        await using var carriers = new Carriers(server, ns);
        var before = await server.Client.CreateNamespacedDeploymentAsync(Deployment(), ns, cancellationToken: Cancellation);
        await server.Client.CreateNamespacedStatefulSetAsync(StatefulSet(), ns, cancellationToken: Cancellation);
        await server.Client.CreateNamespacedDaemonSetAsync(DaemonSet(), ns, cancellationToken: Cancellation);
        foreach (var kind in WorkloadKind.All)
        {
            await Annotate(kind, ns, "orders-db");
            await ApiServer.Until(async () => (await Template(kind, ns)).Annotations?.TryGetValue(Annotations.Database, out var carried) == true && carried == "orders-db", $"the template of the {kind.Name} has the annotation");
        }
        var generation = (await server.Client.ReadNamespacedDeploymentAsync("web", ns, cancellationToken: Cancellation)).Metadata.Generation;
        // Once for the annotation, which counts for Deployments, and once for the template: both carriers, one rollout.
        Assert.Equal(before.Metadata.Generation + 2, generation);
        foreach (var kind in WorkloadKind.All)
        {
            await Annotate(kind, ns, null);
            await ApiServer.Until(async () => (await Template(kind, ns)).Annotations?.Count is null or 0, $"the template of the {kind.Name} is as it was");
        }
        var after = await server.Client.ReadNamespacedDeploymentAsync("web", ns, cancellationToken: Cancellation);
        Assert.Equal(KubernetesJson.Serialize(before.Spec.Template.Spec), KubernetesJson.Serialize(after.Spec.Template.Spec));
        Assert.DoesNotContain(after.Metadata.ManagedFields, entry => entry.Manager == Workload.Manager);
    }

    [Fact]
    public async Task A_workload_waits_for_its_database_and_keeps_what_others_wrote()
    {
        var ns = await server.NamespaceAsync("carry");
        await using var carriers = new Carriers(server, ns, withDatabase: false);
        await server.Client.CreateNamespacedDeploymentAsync(Deployment(), ns, cancellationToken: Cancellation);
        await server.Client.CreateNamespacedStatefulSetAsync(StatefulSet(theirs: "theirs"), ns, cancellationToken: Cancellation);
        await Annotate(WorkloadKind.All[0], ns, "orders-db");
        await Annotate(WorkloadKind.All[1], ns, "orders-db");
        await carriers.Saw(WorkloadKind.All[0]);
        Assert.Null((await Template(WorkloadKind.All[0], ns)).Annotations);
        await carriers.MakeDatabase();
        await ApiServer.Until(async () => (await Template(WorkloadKind.All[0], ns)).Annotations?.ContainsKey(Annotations.Database) == true, "it is carried once the database is there");
        // Somebody wrote another value into the template: theirs counts, and nothing is taken from them.
        Assert.Equal("theirs", (await Template(WorkloadKind.All[1], ns)).Annotations[Annotations.Database]);
    }

    [Fact]
    public async Task What_was_carried_is_released_when_the_operator_goes()
    {
        var ns = await server.NamespaceAsync("carry");
        await using (var carriers = new Carriers(server, ns))
        {
            await server.Client.CreateNamespacedDeploymentAsync(Deployment(), ns, cancellationToken: Cancellation);
            await server.Client.CreateNamespacedStatefulSetAsync(StatefulSet(theirs: "theirs"), ns, cancellationToken: Cancellation);
            await Annotate(WorkloadKind.All[0], ns, "orders-db");
            await ApiServer.Until(async () => (await Template(WorkloadKind.All[0], ns)).Annotations?.ContainsKey(Annotations.Database) == true, "it is carried");
        }
        var said = new List<string>();
        Assert.Equal(1, await new WorkloadRelease(server.Calls, TimeProvider.System, said.Add).RunAsync([ns], Cancellation));
        Assert.StartsWith($"Deployment {ns}/web", Assert.Single(said), StringComparison.Ordinal);
        Assert.Null((await Template(WorkloadKind.All[0], ns)).Annotations);
        Assert.Equal("theirs", (await Template(WorkloadKind.All[1], ns)).Annotations[Annotations.Database]);
        var left = await server.Client.ReadNamespacedDeploymentAsync("web", ns, cancellationToken: Cancellation);
        Assert.Equal("orders-db", left.Metadata.Annotations[Annotations.Database]);
        Assert.Equal(0, await new WorkloadRelease(server.Calls, TimeProvider.System, said.Add).RunAsync([ns], Cancellation));
    }

    private async Task Annotate(WorkloadKind kind, string ns, string? database) => await server.Calls.MergeAsync<System.Text.Json.JsonElement>(
        $"{kind.Resource.Path(ns)}/web",
        new { metadata = new { annotations = new Dictionary<string, string?> { [Annotations.Database] = database } } }, Cancellation);

    private async Task<V1ObjectMeta> Template(WorkloadKind kind, string ns)
    {
        var spec = kind.Name switch
        {
            "Deployment" => (await server.Client.ReadNamespacedDeploymentAsync("web", ns, cancellationToken: Cancellation)).Spec.Template,
            "StatefulSet" => (await server.Client.ReadNamespacedStatefulSetAsync("web", ns, cancellationToken: Cancellation)).Spec.Template,
            _ => (await server.Client.ReadNamespacedDaemonSetAsync("web", ns, cancellationToken: Cancellation)).Spec.Template,
        };
        return spec.Metadata;
    }

    private static readonly Dictionary<string, string> s_labels = new() { ["app"] = "web" };

    private static V1PodTemplateSpec Pods(string? theirs = null) => new()
    {
        Metadata = new V1ObjectMeta { Labels = s_labels, Annotations = theirs is null ? null : new Dictionary<string, string> { [Annotations.Database] = theirs } },
        Spec = new V1PodSpec { Containers = [new V1Container { Name = "web", Image = "web:1" }] },
    };

    private static V1Deployment Deployment() => new()
    {
        Metadata = new V1ObjectMeta { Name = "web" },
        Spec = new V1DeploymentSpec { Selector = new V1LabelSelector { MatchLabels = s_labels }, Template = Pods() },
    };

    private static V1StatefulSet StatefulSet(string? theirs = null) => new()
    {
        Metadata = new V1ObjectMeta { Name = "web" },
        Spec = new V1StatefulSetSpec { ServiceName = "web", Selector = new V1LabelSelector { MatchLabels = s_labels }, Template = Pods(theirs) },
    };

    private static V1DaemonSet DaemonSet() => new()
    {
        Metadata = new V1ObjectMeta { Name = "web" },
        Spec = new V1DaemonSetSpec { Selector = new V1LabelSelector { MatchLabels = s_labels }, Template = Pods() },
    };

    /// <summary>Watches of one namespace, and two carriers that are fed by them.</summary>
    private sealed class Carriers : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly List<Task> _runs = [];
        private readonly SessionDatabases _databases = new();
        private readonly Seen _seen = new();
        private readonly string _ns;

        public Carriers(ApiServer server, string ns, bool withDatabase = true)
        {
            _ns = ns;
            var transport = ApiTransport.Of(server.Client);
            for (var replica = 0; replica < 2; replica++)
            {
                var carrier = new WorkloadCarrier(server.Calls, "session-operator", _databases, _ => Task.CompletedTask, TimeProvider.System, NullLogger.Instance);
                foreach (var kind in WorkloadKind.All)
                {
                    _runs.Add(Watch(kind, carrier).RunAsync(_stop.Token));
                }
                _ = carrier.StartAsync(_stop.Token);
            }
            _runs.AddRange(WorkloadKind.All.Select(kind => Watch(kind, _seen).RunAsync(_stop.Token)));
            if (withDatabase)
            {
                _ = MakeDatabase();
            }

            ResourceWatch<Workload> Watch(WorkloadKind kind, IWatchSink<Workload> sink) => new(
                transport, new WatchTarget(kind.Resource, ns), (source, meta) => Workload.Read(kind, source, meta), sink, NullLogger.Instance);
        }

        public Task MakeDatabase() => _databases.Upserted(
            null, new SessionDatabase { Metadata = new ResourceMetadata { Name = "orders-db", Namespace = _ns, Uid = "1", ResourceVersion = "1" } }, CancellationToken.None).AsTask();

        public Task Saw(WorkloadKind kind) =>
            ApiServer.Until(() => Task.FromResult(_seen.Last.Any(w => w.Kind == kind && w.Asked.ContainsKey(Annotations.Database))), $"the {kind.Name}'s annotation is seen");

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_runs);
            _stop.Dispose();
        }
    }

    private sealed class Seen : IWatchSink<Workload>
    {
        private readonly System.Collections.Concurrent.ConcurrentDictionary<string, Workload> _last = new();

        public IEnumerable<Workload> Last => _last.Values;

        public ValueTask Upserted(Workload? previous, Workload current, CancellationToken cancellation)
        {
            _last[current.Key] = current;
            return ValueTask.CompletedTask;
        }

        public ValueTask Removed(Workload last, CancellationToken cancellation) => ValueTask.CompletedTask;

        public ValueTask Listed(IReadOnlyCollection<Workload> all, CancellationToken cancellation) => ValueTask.CompletedTask;
    }
}
