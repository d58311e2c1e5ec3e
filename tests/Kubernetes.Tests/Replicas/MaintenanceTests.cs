using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>A maintenance that is written into a real SessionDatabase.</summary>
public class MaintenanceTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_maintenance_holds_whatever_server_is_writable_until_it_is_taken_back()
    {
        await using var scene = await Scene.StartAsync(server, "taken");
        await scene.Maintain(DateTime.UtcNow.AddMinutes(10));
        await scene.Until(Phase.Unwritable, Mode.Cache, null);
        var reason = scene.Sidecar.Newest!.Reason;
        Assert.StartsWith("sessiondatabase/orders-db announced: is in maintenance until ", reason, StringComparison.Ordinal);
        Assert.EndsWith(": new disks", reason, StringComparison.Ordinal);
        // Long enough, and by another server: of an outage nothing would be left.
        var epoch = scene.Sidecar.Newest.Epoch;
        for (var i = 0; i < 12; i++)
        {
            await scene.Sidecar.Probe(Verdict.Writable, "server-2");
            await Task.Delay(100, Cancellation);
        }
        Assert.Equal((epoch, Phase.Unwritable), (scene.Sidecar.Newest!.Epoch, scene.Sidecar.Newest.Phase));
        await scene.Maintain(null);
        await scene.Until(Phase.Writable, Mode.Normal, "server-2");
    }

    [Fact]
    public async Task A_maintenance_that_nobody_takes_back_ends_when_its_time_is_over()
    {
        await using var scene = await Scene.StartAsync(server, "over");
        var until = DateTime.UtcNow.AddSeconds(5);
        await scene.Maintain(until);
        await scene.Until(Phase.Unwritable, Mode.Cache, null);
        await scene.Until(Phase.Writable, Mode.Normal, "server-2");
        // Times of the API have whole seconds.
        Assert.True(DateTime.UtcNow > until.AddSeconds(-1), "it was over too early");
    }

    private sealed class Scene : IAsyncDisposable
    {
        private readonly ApiServer _server;
        private readonly string _space;
        private readonly Replica _replica;

        private Scene(ApiServer server, string space, Replica replica, Sidecar sidecar) =>
            (_server, _space, _replica, Sidecar) = (server, space, replica, sidecar);

        public Sidecar Sidecar { get; }

        public static async Task<Scene> StartAsync(ApiServer server, string name)
        {
            var space = await server.NamespaceAsync(name);
            await Databases.Create(server, space, new { recovery = new { successes = 2, dwell = "100ms", drainDeadline = "5s" } });
            var replica = await Replica.Start(server, "operator-1", space);
            var scene = new Scene(server, space, replica, await Sidecar.Join(replica.Grpc, $"{space}/orders-db", "web-1"));
            await scene.Until(Phase.Writable, Mode.Normal, "server-1");
            return scene;
        }

        /// <param name="until">Null takes it back.</param>
        public Task<SessionDatabase> Maintain(DateTime? until)
        {
            object? maintenance = until is { } end ? new { until = $"{end:yyyy-MM-dd'T'HH:mm:ss'Z'}", reason = "new disks" } : null;
            return _server.Calls.MergeAsync<SessionDatabase>(Databases.PathOf(_space), new { spec = new { maintenance } }, Cancellation);
        }

        /// <param name="phase">What is to be told.</param>
        /// <param name="mode">And this.</param>
        /// <param name="writable">Who commits probes meanwhile; null for nobody.</param>
        public Task Until(Phase phase, Mode mode, string? writable) => ApiServer.Until(
            async () =>
            {
                if (writable is not null)
                {
                    await Sidecar.Probe(Verdict.Writable, writable);
                    if (Sidecar.Newest is { Mode: Mode.Drain } drain)
                    {
                        await Sidecar.Ack(drain.Epoch);
                        await Sidecar.Unsaved(0);
                    }
                }
                return Sidecar.Newest is { } newest && (newest.Phase, newest.Mode) == (phase, mode);
            },
            () => $"{phase}, {mode} is told; newest was {Sidecar.Newest}");

        public async ValueTask DisposeAsync()
        {
            await Sidecar.DisposeAsync();
            await _replica.DisposeAsync();
        }
    }
}
