using System.Collections.Concurrent;
using System.Text.Json;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Kubernetes.Signals;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Kubernetes.Tests.Signals;

/// <summary>Every preset against objects as the database operator it is for makes them.</summary>
public class PresetSignalsTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Preset; name, labels and container of the pod that takes writes; of one that does not, where there may be one.</summary>
    [Theory]
    [InlineData("statefulset", "orders-0 db app=orders,statefulset.kubernetes.io/pod-name=orders-0", "")]
    [InlineData("cloudnative-pg", "orders-1 postgres cnpg.io/cluster=orders,cnpg.io/instanceName=orders-1,cnpg.io/instanceRole=primary,role=primary", "orders-2 postgres cnpg.io/cluster=orders,cnpg.io/instanceName=orders-2,cnpg.io/instanceRole=replica,role=replica")]
    [InlineData("zalando", "orders-0 postgres application=spilo,cluster-name=orders,spilo-role=master,team=acid", "orders-1 postgres application=spilo,cluster-name=orders,spilo-role=replica,team=acid")]
    [InlineData("patroni", "orders-0 patroni application=patroni,cluster-name=orders,role=primary", "orders-1 patroni application=patroni,cluster-name=orders,role=replica")]
    [InlineData("mariadb-operator", "orders-0 mariadb app.kubernetes.io/name=mariadb,app.kubernetes.io/instance=orders,k8s.mariadb.com/role=primary", "orders-1 mariadb app.kubernetes.io/name=mariadb,app.kubernetes.io/instance=orders,k8s.mariadb.com/role=replica")]
    [InlineData("bitnami-postgresql", "orders-primary-0 postgresql app.kubernetes.io/name=postgresql,app.kubernetes.io/instance=shop,app.kubernetes.io/component=primary,statefulset.kubernetes.io/pod-name=orders-primary-0", "orders-read-0 postgresql app.kubernetes.io/name=postgresql,app.kubernetes.io/instance=shop,app.kubernetes.io/component=read,statefulset.kubernetes.io/pod-name=orders-read-0")]
    [InlineData("bitnami-mysql", "orders-0 mysql app.kubernetes.io/name=mysql,app.kubernetes.io/instance=shop,app.kubernetes.io/component=primary,statefulset.kubernetes.io/pod-name=orders-0", "orders-secondary-0 mysql app.kubernetes.io/name=mysql,app.kubernetes.io/instance=shop,app.kubernetes.io/component=secondary,statefulset.kubernetes.io/pod-name=orders-secondary-0")]
    public async Task The_pod_that_takes_writes_is_told_from_the_others(string preset, string primary, string replica)
    {
        var space = await server.NamespaceAsync("preset");
        var name = await Pod(space, primary);
        var other = replica.Length > 0 ? await Pod(space, replica) : null;
        await using var scene = await Scene.StartAsync(server, preset, space);
        if (other is not null)
        {
            await Status(space, other, """{"conditions":[{"type":"Ready","status":"False"}]}""");
            await server.Client.DeleteNamespacedPodAsync(other, space, gracePeriodSeconds: 0, cancellationToken: Cancellation);
        }
        await Status(space, name, """{"conditions":[{"type":"Ready","status":"False"}]}""");
        await scene.Expect($"Stopped pod/{name}");
        await server.Client.DeleteNamespacedPodAsync(name, space, gracePeriodSeconds: 30, cancellationToken: Cancellation);
        await scene.Expect($"Stopped pod/{name}", $"Announced pod/{name}");
    }

    [Theory]
    [InlineData("cloudnative-pg", "postgresql.cnpg.io/v1/clusters", """{"status":{"currentPrimary":"orders-1","targetPrimary":"orders-1"} }""", """{"status":{"targetPrimary":"orders-2"} }""")]
    [InlineData("cloudnative-pg", "postgresql.cnpg.io/v1/clusters", """{"status":{"phase":"Cluster in healthy state"} }""", """{"status":{"phase":"Primary instance is being restarted in-place"} }""")]
    [InlineData("cloudnative-pg", "postgresql.cnpg.io/v1/clusters", "{}", """{"status":{"currentPrimaryFailingSinceTimestamp":"2026-01-01T00:00:00Z"} }""")]
    [InlineData("cloudnative-pg", "postgresql.cnpg.io/v1/clusters", "{}", """{"metadata":{"annotations":{"cnpg.io/hibernation":"on"} } }""")]
    [InlineData("cloudnative-pg", "postgresql.cnpg.io/v1/clusters", "{}", """{"metadata":{"annotations":{"cnpg.io/fencedInstances":"[\"*\"]"} } }""")]
    [InlineData("mariadb-operator", "k8s.mariadb.com/v1alpha1/mariadbs", """{"status":{"conditions":[{"type":"PrimarySwitched","status":"True"}]} }""", """{"status":{"conditions":[{"type":"PrimarySwitched","status":"False"}]} }""")]
    [InlineData("mariadb-operator", "k8s.mariadb.com/v1alpha1/mariadbs", """{"status":{"conditions":[{"type":"Ready","status":"True"}]} }""", """{"status":{"conditions":[{"type":"Ready","status":"False","reason":"Maintenance"}]} }""")]
    [InlineData("mariadb-operator", "k8s.mariadb.com/v1alpha1/mariadbs", "{}", """{"status":{"currentPrimaryFailingSince":"2026-01-01T00:00:00Z"} }""")]
    [InlineData("zalando", "/v1/configmaps", "{}", """{"metadata":{"annotations":{"leader":"orders-0"} } }""")]
    [InlineData("zalando", "/v1/endpoints", "{}", """{"metadata":{"annotations":{"member":"orders-1"} } }""")]
    [InlineData("patroni", "/v1/endpoints", "{}", """{"metadata":{"annotations":{"leader":"orders-0"} } }""")]
    public async Task What_a_resource_announces_is_heard_and_so_is_its_end(string preset, string resource, string before, string announcing)
    {
        var space = await server.NamespaceAsync("announce");
        var (group, version, plural) = resource.Split('/') is [var g, var v, var p] ? (g, v, p) : throw new ArgumentException(resource);
        if (group.Length > 0)
        {
            await Define(group, version, plural);
        }
        var kind = new ResourceKind(group, version, plural);
        var name = group.Length > 0 ? "orders" : "orders-failover";
        var path = $"{kind.Path(space)}/{name}";
        await ApiServer.Until(async () =>
        {
            try
            {
                await server.Calls.PostAsync<JsonElement>(
                    kind.Path(space), new { apiVersion = group.Length > 0 ? $"{group}/{version}" : version, kind = Kind(plural), metadata = new { name } }, Cancellation);
                return true;
            }
            catch (Operator.Kubernetes.ApiException missing) when (missing.Status == System.Net.HttpStatusCode.NotFound)
            {
                // Established, and yet not served for a moment.
                return false;
            }
        }, "the object can be made");
        await server.Calls.MergeAsync<JsonElement>(path, JsonSerializer.Deserialize<JsonElement>(before), Cancellation);
        await using var scene = await Scene.StartAsync(server, preset, space);
        await server.Calls.MergeAsync<JsonElement>(path, JsonSerializer.Deserialize<JsonElement>(announcing), Cancellation);
        await scene.Expect($"Announced {plural}/{name}");
        await Delete(space, kind, name);
        await scene.Expect($"Announced {plural}/{name}", $"Withdrawn {plural}/{name}");
    }

    [Fact]
    public async Task A_rollout_of_the_StatefulSet_is_seen()
    {
        var space = await server.NamespaceAsync("rollout");
        await Pod(space, "orders-0 db statefulset.kubernetes.io/pod-name=orders-0");
        var labels = new Dictionary<string, string> { ["app"] = "orders" };
        await server.Client.CreateNamespacedStatefulSetAsync(
            new V1StatefulSet
            {
                Metadata = new V1ObjectMeta { Name = "orders" },
                Spec = new V1StatefulSetSpec
                {
                    ServiceName = "orders",
                    Selector = new V1LabelSelector { MatchLabels = labels },
                    Template = new V1PodTemplateSpec { Metadata = new V1ObjectMeta { Labels = labels }, Spec = new V1PodSpec { Containers = [new V1Container { Name = "db", Image = "db" }] } },
                },
            }, space, cancellationToken: Cancellation);
        await using var scene = await Scene.StartAsync(server, "statefulset", space);
        foreach (var (current, update) in new[] { ("orders-1", "orders-1"), ("orders-1", "orders-2") })
        {
            await server.Client.PatchNamespacedStatefulSetStatusAsync(
                new V1Patch(new { status = new { replicas = 1, currentRevision = current, updateRevision = update } }, V1Patch.PatchType.MergePatch), "orders", space, cancellationToken: Cancellation);
        }
        await ApiServer.Until(() => Task.FromResult(scene.Seen.Contains(SightingKind.Rollout)), () => $"saw {string.Join(' ', scene.Seen)}");
    }

    private static string Kind(string plural) => plural switch
    {
        "configmaps" => "ConfigMap",
        "endpoints" => "Endpoints",
        "clusters" => "Cluster",
        _ => "MariaDB",
    };

    private async Task<string> Pod(string space, string what)
    {
        var (name, container, labels) = what.Split(' ') is [var n, var c, var l] ? (n, c, l) : throw new ArgumentException(what);
        await server.Client.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = name, Labels = labels.Split(',').Select(label => label.Split('=')).ToDictionary(label => label[0], label => label[1]) },
                Spec = new V1PodSpec { NodeName = "node", Containers = [new V1Container { Name = container, Image = "i" }] },
            }, space, cancellationToken: Cancellation);
        await Status(space, name, $$"""
            {"conditions":[{"type":"Ready","status":"True"}],
             "containerStatuses":[{"name":"{{container}}","image":"i","imageID":"i","ready":true,"restartCount":0,"state":{"running":{} } }]}
            """);
        return name;
    }

    private Task Delete(string space, ResourceKind kind, string name) => kind.Plural switch
    {
        "configmaps" => server.Client.DeleteNamespacedConfigMapAsync(name, space, cancellationToken: Cancellation),
        "endpoints" => server.Client.DeleteNamespacedEndpointsAsync(name, space, cancellationToken: Cancellation),
        _ => server.Client.CustomObjects.DeleteNamespacedCustomObjectWithHttpMessagesAsync(kind.Group, kind.Version, space, kind.Plural, name, cancellationToken: Cancellation),
    };

    private Task<V1Pod> Status(string space, string pod, string status) => server.Client.PatchNamespacedPodStatusAsync(
        new V1Patch($$"""{"status":{{status}} }""", V1Patch.PatchType.StrategicMergePatch), pod, space, cancellationToken: Cancellation);

    private async Task Define(string group, string version, string plural)
    {
        try
        {
            await server.Client.CreateCustomResourceDefinitionAsync(Definitions.Any(group, version, plural, Kind(plural)), cancellationToken: Cancellation);
        }
        catch (k8s.Autorest.HttpOperationException there) when (there.Response.StatusCode == System.Net.HttpStatusCode.Conflict)
        {
            // Another of these tests was first.
        }
    }

    private sealed class Scene : IAsyncDisposable
    {
        private readonly ConcurrentQueue<Signal> _signals = [];
        private readonly ConcurrentQueue<SightingKind> _seen = [];
        private readonly WatchDirectory _directory = new((_, _) => { });
        private readonly SharedWatches _watches;
        private readonly DatabaseSignals _database;

        private Scene(ApiServer server, string preset, string space, ResourceKind slices)
        {
            _watches = new SharedWatches(ApiTransport.Of(server.Client), null, _directory, NullLogger.Instance);
            _database = new DatabaseSignals(
                $"{space}/orders", PresetCatalog.All[preset].For("orders"), space, _watches, slices,
                (signal, _) => { _signals.Enqueue(signal); return ValueTask.CompletedTask; }, _seen.Enqueue, _ => { }, () => DateTimeOffset.UtcNow, NullLogger.Instance);
        }

        public IEnumerable<SightingKind> Seen => _seen;

        public static async Task<Scene> StartAsync(ApiServer server, string preset, string space)
        {
            var scene = new Scene(server, preset, space, await SliceVersion.FindAsync(ApiTransport.Of(server.Client), Cancellation));
            await scene._database.StartAsync(Cancellation);
            await ApiServer.Until(() => Task.FromResult(scene._directory.Running.All(health => health.IsSynced)), "everything is listed");
            return scene;
        }

        /// <summary>Exactly these, as "signal reporter's name".</summary>
        public Task Expect(params string[] expected) => ApiServer.Until(
            () => Task.FromResult(Said().SequenceEqual(expected)), () => $"heard {string.Join(", ", Said())} instead of {string.Join(", ", expected)}; saw {string.Join(' ', _seen)}");

        public async ValueTask DisposeAsync()
        {
            await _database.DisposeAsync();
            _watches.Dispose();
        }

        private string[] Said() => [.. _signals.Select(signal => $"{signal.Kind} {signal.ReporterName}")];
    }
}
