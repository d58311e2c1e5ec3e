using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Kubernetes.Signals;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Kubernetes.Tests.Signals;

/// <summary>Signals from real objects. No controller or kubelet runs: the tests write what those would.</summary>
public class RealSignalsTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_primary_that_is_not_ready_has_stopped()
    {
        await using var scene = await Scene.StartAsync(server, "cloudnative-pg");
        await scene.Patch("orders-1", Ready(false), status: true);
        await scene.Expect("NotReady Stopped pod/orders-1");
    }

    [Fact]
    public async Task A_primary_that_is_deleted_announces_that_it_will_go()
    {
        await using var scene = await Scene.StartAsync(server, "cloudnative-pg");
        await server.Client.DeleteNamespacedPodAsync("orders-1", scene.Namespace, gracePeriodSeconds: 30, cancellationToken: Cancellation);
        await scene.Expect("Terminating Announced pod/orders-1");
        Assert.InRange(scene.Signals.Single().Expires!.Value - DateTimeOffset.UtcNow, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(65));
    }

    [Fact]
    public async Task A_primary_that_loses_its_label_and_gets_it_back_is_announced_and_withdrawn()
    {
        await using var scene = await Scene.StartAsync(server, "cloudnative-pg");
        await scene.Patch("orders-1", """{"metadata":{"labels":{"cnpg.io/instanceRole":"replica"} } }""");
        await scene.Expect("RoleLost Announced pod/orders-1");
        await scene.Patch("orders-1", """{"metadata":{"labels":{"cnpg.io/instanceRole":"primary"} } }""");
        await scene.Expect("RoleLost Announced pod/orders-1", "RoleBack Withdrawn pod/orders-1");
    }

    [Fact]
    public async Task A_container_that_ends_has_stopped_and_replicas_may_do_what_they_like()
    {
        await using var scene = await Scene.StartAsync(server, "cloudnative-pg");
        await scene.Patch("orders-2", Ready(false), status: true);
        await server.Client.DeleteNamespacedPodAsync("orders-2", scene.Namespace, gracePeriodSeconds: 0, cancellationToken: Cancellation);
        await scene.Patch("orders-1", """
            {"status":{"containerStatuses":[{"name":"postgres","image":"i","imageID":"i","ready":false,"restartCount":0,
              "state":{"terminated":{"exitCode":137,"reason":"OOMKilled"} } }]} }
            """, status: true);
        await scene.Expect("ContainerDown Stopped pod/orders-1");
    }

    [Fact]
    public async Task A_cordoned_node_arms_only()
    {
        await using var scene = await Scene.StartAsync(server, "cloudnative-pg");
        await server.Client.PatchNodeAsync(new V1Patch("""{"spec":{"unschedulable":true} }""", V1Patch.PatchType.MergePatch), scene.Node, cancellationToken: Cancellation);
        await scene.Expect($"NodeLeaving - -");
        Assert.Empty(scene.Signals);
    }

    [Fact]
    public async Task A_requested_switchover_is_announced_also_when_its_object_is_made_for_it()
    {
        await using var scene = await Scene.StartAsync(server, "patroni");
        await server.Client.CreateNamespacedConfigMapAsync(
            new V1ConfigMap
            {
                Metadata = new V1ObjectMeta { Name = "orders-failover", Annotations = new Dictionary<string, string> { ["leader"] = "orders-1" } },
            }, scene.Namespace, cancellationToken: Cancellation);
        await scene.Expect("Announced Announced configmaps/orders-failover");
        await server.Client.DeleteNamespacedConfigMapAsync("orders-failover", scene.Namespace, cancellationToken: Cancellation);
        await scene.Expect("Announced Announced configmaps/orders-failover", "Withdrawn Withdrawn configmaps/orders-failover");
    }

    [Fact]
    public async Task A_service_without_ready_endpoints_is_a_suspicion_in_the_version_this_server_has()
    {
        await using var scene = await Scene.StartAsync(server, "cloudnative-pg");
        await scene.Slice(ready: true);
        await scene.Until(() => scene.Watched("endpointslices.discovery.k8s.io"));
        await scene.Slice(ready: false);
        await scene.Expect("NoEndpoints Suspect service/orders-rw");
    }

    private static string Ready(bool ready) =>
        $$"""{"status":{"conditions":[{"type":"Ready","status":"{{ready}}"}]} }""";

    /// <summary>A primary, a replica and a node, watched as a preset says.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly ConcurrentQueue<Signal> _signals = [];
        private readonly ConcurrentQueue<SightingKind> _seen = [];
        private readonly WatchDirectory _directory = new((_, _) => { });
        private readonly ApiServer _server;
        private readonly SharedWatches _watches;
        private readonly DatabaseSignals _database;
        private readonly ResourceKind _slices;

        private Scene(ApiServer server, string preset, string ns, ResourceKind slices)
        {
            (_server, Namespace, _slices) = (server, ns, slices);
            _watches = new SharedWatches(ApiTransport.Of(server.Client), null, _directory, NullLogger.Instance);
            _database = new DatabaseSignals(
                $"{ns}/orders", PresetCatalog.All[preset].For("orders"), ns, _watches, slices,
                (signal, _) => { _signals.Enqueue(signal); return ValueTask.CompletedTask; }, _seen.Enqueue, _ => { },
                () => DateTimeOffset.UtcNow, NullLogger.Instance);
        }

        public string Namespace { get; }

        public string Node => $"node-{Namespace}";

        public IEnumerable<Signal> Signals => _signals;

        public static async Task<Scene> StartAsync(ApiServer server, string preset)
        {
            var scene = new Scene(
                server, preset, await server.NamespaceAsync("signals"), await SliceVersion.FindAsync(ApiTransport.Of(server.Client), Cancellation));
            await server.Client.CreateNodeAsync(new V1Node { Metadata = new V1ObjectMeta { Name = scene.Node } }, cancellationToken: Cancellation);
            await scene.Pod("orders-1", "primary");
            await scene.Pod("orders-2", "replica");
            await scene._database.StartAsync(Cancellation);
            await scene.Until(() => scene._directory.Running.All(health => health.IsSynced));
            return scene;
        }

        public bool Watched(string kind) => _directory.Running.Any(health => health.Target.Kind.ToString() == kind && health.State == WatchState.Watching);

        public Task<V1Pod> Patch(string pod, string patch, bool status = false)
        {
            var body = new V1Patch(patch, status ? V1Patch.PatchType.StrategicMergePatch : V1Patch.PatchType.MergePatch);
            return status ? _server.Client.PatchNamespacedPodStatusAsync(body, pod, Namespace, cancellationToken: Cancellation)
                : _server.Client.PatchNamespacedPodAsync(body, pod, Namespace, cancellationToken: Cancellation);
        }

        public async Task Slice(bool ready)
        {
            var slice = new JsonObject
            {
                ["apiVersion"] = $"{_slices.Group}/{_slices.Version}",
                ["kind"] = "EndpointSlice",
                ["metadata"] = new JsonObject { ["name"] = "orders-rw-1", ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = "orders-rw" } },
                ["addressType"] = "IPv4",
                ["endpoints"] = new JsonArray(new JsonObject { ["addresses"] = new JsonArray("10.0.0.1"), ["conditions"] = new JsonObject { ["ready"] = ready } }),
            };
            if (ready)
            {
                await _server.Client.CreateNamespacedCustomObjectAsync(slice, _slices.Group, _slices.Version, Namespace, _slices.Plural, cancellationToken: Cancellation);
            }
            else
            {
                await _server.Client.PatchNamespacedCustomObjectAsync(
                    new V1Patch(slice.ToJsonString(), V1Patch.PatchType.MergePatch), _slices.Group, _slices.Version, Namespace, _slices.Plural, "orders-rw-1", cancellationToken: Cancellation);
            }
        }

        /// <summary>Exactly these, as "sighting signal reporter's name".</summary>
        public Task Expect(params string[] expected) => Until(
            () => Said().SequenceEqual(expected), () => $"saw {string.Join(", ", Said())} instead of {string.Join(", ", expected)}");

        public async Task Until(Func<bool> holds, Func<string>? otherwise = null)
        {
            var watch = Stopwatch.StartNew();
            while (!holds())
            {
                Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), otherwise?.Invoke() ?? "did not come to hold within 30 s");
                await Task.Delay(10, Cancellation);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _database.DisposeAsync();
            _watches.Dispose();
            Assert.Empty(_directory.Running);
        }

        private string[] Said()
        {
            var signals = _signals.ToArray();
            return [.. _seen.Select((kind, i) => i < signals.Length ? $"{kind} {signals[i].Kind} {signals[i].ReporterName}" : $"{kind} - -")];
        }

        private async Task Pod(string name, string role)
        {
            await _server.Client.CreateNamespacedPodAsync(
                new V1Pod
                {
                    Metadata = new V1ObjectMeta
                    {
                        Name = name,
                        Labels = new Dictionary<string, string>
                        {
                            ["cnpg.io/cluster"] = "orders",
                            ["cnpg.io/instanceRole"] = role,
                            ["cluster-name"] = "orders",
                            ["role"] = role,
                        },
                    },
                    Spec = new V1PodSpec { NodeName = Node, Containers = [new V1Container { Name = "postgres", Image = "postgres" }] },
                }, Namespace, cancellationToken: Cancellation);
            await Patch(name, """
                {"status":{"conditions":[{"type":"Ready","status":"True"}],
                  "containerStatuses":[{"name":"postgres","image":"i","imageID":"i","ready":true,"restartCount":0,"state":{"running":{} } }]} }
                """, status: true);
        }
    }
}
