using System.Text.Json;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Injection;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Kubernetes.Tests.Workloads;

/// <summary>What is noticed of annotated workloads, against a real API server.</summary>
public class KeeperTests(ApiServer server)
{
    private static readonly Dictionary<string, string> s_labels = new() { ["app"] = "web", ["pod-template-hash"] = "5f7" };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_workload_whose_pods_lack_the_sidecar_is_noticed_and_healed_where_that_is_allowed(bool heal)
    {
        var ns = await server.NamespaceAsync("heal");
        var database = new SessionDatabase { Metadata = new ResourceMetadata { Name = "orders-db", Namespace = ns, Uid = "1", ResourceVersion = "1" } };
        await using var keeper = await Keeper.StartAsync(server, database, heal);
        await server.Client.CreateNamespacedDeploymentAsync(Deployment(), ns, cancellationToken: Cancellation);
        await Pod(ns, "web-5f7-a");
        await Pod(ns, "web-5f7-b", new Dictionary<string, string>(s_labels) { [Annotations.SidecarLabel] = "native" });
        await keeper.Learn(ns);
        await ApiServer.Until(() => Task.FromResult(keeper.Bare?.Count == 1), "the pod without the sidecar is noticed", 30);
        Assert.Equal("web-5f7-a", Assert.Single(keeper.Bare!).Name);
        if (heal)
        {
            await ApiServer.Until(async () => (await Template(ns)).ContainsKey(Annotations.HealedAt), "it is rolled out again", 30);
            await ApiServer.Until(async () => (await Events(ns)).Contains("Healing"), "it is told", 30);
        }
        // With the pod it is over; by then a whole turn has passed with it.
        await server.Client.CoreV1.DeleteNamespacedPodAsync("web-5f7-a", ns, new V1DeleteOptions { GracePeriodSeconds = 0 }, cancellationToken: Cancellation);
        await ApiServer.Until(() => Task.FromResult(keeper.Bare?.Count == 0), "nothing is missed any more", 30);
        var template = await Template(ns);
        Assert.Equal(heal, template.ContainsKey(Annotations.HealedAt));
        Assert.Equal("orders-db", template[Annotations.Database]);
    }

    [Fact]
    public async Task A_misspelt_annotation_is_told_on_the_workload()
    {
        var ns = await server.NamespaceAsync("heal");
        var database = new SessionDatabase { Metadata = new ResourceMetadata { Name = "orders-db", Namespace = ns, Uid = "1", ResourceVersion = "1" } };
        await using var keeper = await Keeper.StartAsync(server, database, heal: true);
        var deployment = Deployment();
        deployment.Metadata.Annotations = new Dictionary<string, string> { [Annotations.Prefix + "databse"] = "orders-db" };
        deployment = await server.Client.CreateNamespacedDeploymentAsync(deployment, ns, cancellationToken: Cancellation);
        await keeper.Learn(ns);
        await ApiServer.Until(async () => (await Events(ns)).Contains("UnknownAnnotation"), "it is told", 30);
        var told = (await server.Client.CoreV1.ListNamespacedEventAsync(ns, cancellationToken: Cancellation)).Items.Single(one => one.Reason == "UnknownAnnotation");
        Assert.Equal(("Deployment", deployment.Metadata.Uid, "Warning"), (told.InvolvedObject.Kind, told.InvolvedObject.Uid, told.Type));
        Assert.Contains(Annotations.Database, told.Message, StringComparison.Ordinal);
    }

    private async Task<IDictionary<string, string>> Template(string ns) =>
        (await server.Client.ReadNamespacedDeploymentAsync("web", ns, cancellationToken: Cancellation)).Spec.Template.Metadata.Annotations;

    private async Task<IEnumerable<string>> Events(string ns) =>
        (await server.Client.CoreV1.ListNamespacedEventAsync(ns, cancellationToken: Cancellation)).Items.Select(one => one.Reason);

    private static V1PodSpec Spec => new() { ServiceAccountName = "default", Containers = [new V1Container { Name = "web", Image = "web:1" }] };

    private static V1Deployment Deployment() => new()
    {
        Metadata = new V1ObjectMeta { Name = "web" },
        Spec = new V1DeploymentSpec
        {
            Selector = new V1LabelSelector { MatchLabels = new Dictionary<string, string> { ["app"] = "web" } },
            Template = new V1PodTemplateSpec { Metadata = new V1ObjectMeta { Labels = s_labels, Annotations = new Dictionary<string, string> { [Annotations.Database] = "orders-db" } }, Spec = Spec },
        },
    };

    private async Task Pod(string ns, string name, Dictionary<string, string>? labels = null) => await server.Client.CoreV1.CreateNamespacedPodAsync(
        new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = name,
                Labels = labels ?? s_labels,
                Annotations = new Dictionary<string, string> { [Annotations.Database] = "orders-db" },
                OwnerReferences = [new V1OwnerReference { ApiVersion = "apps/v1", Kind = "ReplicaSet", Name = "web-5f7", Uid = "2", Controller = true }],
            },
            Spec = Spec,
        }, ns, cancellationToken: Cancellation);

    /// <summary>A keeper at work, as in the replica that leads.</summary>
    private sealed class Keeper : IAsyncDisposable
    {
        private readonly ApiServer _server;
        private readonly SessionDatabase _database;
        private readonly WorkloadCarrier _carrier;
        private readonly WorkloadKeeper _keeper;
        private readonly EventWriter _events;
        private readonly Term _term = new(TimeProvider.System, TimeSpan.FromMinutes(5), TimeProvider.System.GetTimestamp());
        private Task _work = Task.CompletedTask;

        private Keeper(ApiServer server, SessionDatabase database, SessionDatabases databases, bool heal)
        {
            (_server, _database) = (server, database);
            _events = new EventWriter(new EventApi(server.Calls, "operator-1"), new HousekeepingMetrics(Prometheus.Metrics.NewCustomRegistry()), TimeProvider.System, NullLogger.Instance);
            _carrier = new WorkloadCarrier(server.Calls, "session-operator", databases, _ => Task.CompletedTask, TimeProvider.System, NullLogger.Instance);
            var settings = new InjectionSettings("sidecar:1", "session-operator", new Uri("https://session-operator.session-operator.svc:7443"));
            _keeper = new WorkloadKeeper(server.Calls, _carrier, databases, new Around(), settings, heal, _events, TimeProvider.System, NullLogger.Instance);
        }

        public IReadOnlyList<BarePod>? Bare => _keeper.Find(_database);

        public static async Task<Keeper> StartAsync(ApiServer server, SessionDatabase database, bool heal)
        {
            var databases = new SessionDatabases();
            await databases.Upserted(null, database, Cancellation);
            var keeper = new Keeper(server, database, databases, heal);
            await keeper._events.StartAsync(Cancellation);
            keeper._work = keeper._keeper.Work(keeper._term);
            return keeper;
        }

        /// <summary>As a watch would tell it.</summary>
        public async Task Learn(string ns)
        {
            var source = await _server.Calls.GetAsync<JsonElement>($"{WorkloadKind.All[0].Resource.Path(ns)}/web", Cancellation);
            await _carrier.Upserted(null, Workload.Read(WorkloadKind.All[0], source, ObjectMeta.Read(source)!), Cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            await _term.EndAsync();
            await _work.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            await _events.StopAsync(CancellationToken.None);
            _events.Dispose();
            _carrier.Dispose();
            _term.Dispose();
        }
    }

    private sealed class Around : ISurroundings
    {
        public Surroundings Of(string ns) => new(ns, true, "-----BEGIN CERTIFICATE-----", null, new HashSet<string> { "orders-db" });
    }
}
