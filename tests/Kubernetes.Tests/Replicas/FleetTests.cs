using System.Diagnostics;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using static SessionOperator.Protocol.Fleet.Evidence.Types;
using Status = SessionOperator.Protocol.Fleet.Status;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>Two replicas see one fleet: each has one sidecar of it, "one" and "two".</summary>
public class FleetTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_epoch_is_settled_when_the_sidecars_of_all_replicas_have_acked_it_and_nobody_is_told_to_be_alone()
    {
        await using var scene = await Scene.StartAsync(server, "settled");
        await scene.Outage();
        Assert.All(scene.Both, sidecar => Assert.Equal(2U, sidecar.Newest!.Fleet));
        await scene.One.Ack(2);
        await scene.Written(space => space.Fleet?.GetValueOrDefault("operator-1") is { Epoch: 2, Acked: 1 });
        Assert.DoesNotContain(scene.Both, Settled);
        var watch = Stopwatch.StartNew();
        await scene.Two.Ack(2);
        await ApiServer.Until(() => Task.FromResult(scene.Both.All(Settled)), "both are told that the epoch is settled");
        TestContext.Current.TestOutputHelper!.WriteLine($"settled after {watch.ElapsedMilliseconds} ms");
        await using var three = await scene.Join(scene.Right, "web-3");
        await ApiServer.Until(() => Task.FromResult(!scene.Both.Any(Settled)), "it is not, when one more has come");
        await ApiServer.Until(() => Task.FromResult(scene.One.Newest!.Fleet == 3), "which all are told");
    }

    [Fact]
    public async Task Recovery_waits_for_what_the_sidecars_of_other_replicas_have_to_replay()
    {
        await using var scene = await Scene.StartAsync(server, "replay");
        await scene.Outage();
        await scene.Two.Unsaved(4);
        await scene.Drain();
        foreach (var sidecar in scene.Both)
        {
            await sidecar.Ack(sidecar.Newest!.Epoch);
        }
        await scene.One.Unsaved(0);
        await scene.Written(status => status is { Unsaved: 4, Sidecars: 2 } && status.Fleet?.GetValueOrDefault("operator-1") is { Drained: 1 } && status.Fleet?.GetValueOrDefault("operator-2") is { Acked: 1 });
        await Task.Delay(500, Cancellation);
        Assert.All(scene.Both, sidecar => Assert.Equal(Mode.Drain, sidecar.Newest!.Mode));
        await scene.Two.Unsaved(0);
        await scene.Until(Mode.Normal);
        Assert.Equal("every one of 2 sidecars has replayed its unsaved session changes", scene.Two.Newest!.Reason);
    }

    [Fact]
    public async Task Sidecars_of_a_replica_that_stops_are_waited_for_at_the_others()
    {
        await using var scene = await Scene.StartAsync(server, "leaves");
        await scene.Outage();
        await scene.One.Ack(2);
        // Its last word stands only until its sidecars have had the time to come back, however long it takes to stop.
        var stopping = scene.Right.DisposeAsync().AsTask();
        await scene.Written(status => status.Fleet?.GetValueOrDefault("operator-2") is { Leaving: true, Connected: 1, Acked: 0 });
        Assert.False(Settled(scene.One));
        Assert.Equal(2U, scene.One.Newest!.Fleet);
        await stopping;
        await using var again = await scene.Join(scene.Left, "web-2", 1, Mode.Normal, 1);
        await scene.Written(status => status.Fleet!.Keys.SequenceEqual(["operator-1"]));
        Assert.False(Settled(scene.One));
        await again.Ack(2);
        await ApiServer.Until(() => Task.FromResult(Settled(scene.One) && scene.One.Newest!.Fleet == 2), "settled, when it has come");
    }

    [Fact]
    public async Task A_prober_at_another_replica_refutes_the_bad_news_of_ours()
    {
        await using var scene = await Scene.StartAsync(server, "refuted");
        await scene.Until(Phase.Writable);
        Assert.All(scene.Both, sidecar => Assert.True(sidecar.Newest!.ProbeIntervalMs > 0));
        await scene.Written(status => status.Fleet?.GetValueOrDefault("operator-2")?.Probe is { Verdict: "Writable" });
        // What the answer to its next write shows, a replica knows.
        await scene.One.Unsaved(1);
        await scene.Written(status => status.Fleet?.GetValueOrDefault("operator-1") is { Unsaved: 1 });
        var asked = scene.Two.Newest!.ProbeNow;
        for (var i = 0; i < 3; i++)
        {
            await scene.One.Probe(Verdict.Unreachable);
        }
        var answers = 0;
        for (var watch = Stopwatch.StartNew(); watch.ElapsedMilliseconds < 1500; await Task.Delay(5, Cancellation))
        {
            if (scene.Two.Newest!.ProbeNow is var asks && asks != asked)
            {
                asked = asks;
                answers++;
                await scene.Two.Probe(Verdict.Writable);
            }
        }
        Assert.NotEqual(0, answers);
        Assert.All(scene.Both, sidecar => Assert.Equal((Phase.Writable, 1UL), (sidecar.Newest!.Phase, sidecar.Newest.Epoch)));
    }

    [Fact]
    public async Task A_prober_at_another_replica_confirms_a_refused_save()
    {
        await using var scene = await Scene.StartAsync(server, "confirmed");
        await scene.Until(Phase.Writable);
        var asked = scene.Two.Newest!.ProbeNow;
        await scene.One.Refused(Verdict.Unreachable);
        await ApiServer.Until(() => Task.FromResult(scene.Two.Newest!.ProbeNow > asked), "the other prober is asked");
        await scene.Two.Probe(Verdict.Unreachable);
        await scene.Until(Phase.Unwritable);
        Assert.Contains("refused at web-1", scene.One.Newest!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_two_replicas_with_many_sidecars_two_probe()
    {
        await using var scene = await Scene.StartAsync(server, "probers");
        await using var three = await scene.Join(scene.Left, "web-3");
        await using var four = await scene.Join(scene.Right, "web-4");
        await ApiServer.Until(
            () => Task.FromResult(new[] { scene.One, scene.Two, three, four }.Count(sidecar => sidecar.Newest!.ProbeIntervalMs > 0) == 2), "two probe");
    }

    [Fact]
    public async Task What_an_outage_was_like_is_summed_over_all_and_who_moves_is_not_counted_twice()
    {
        await using var scene = await Scene.StartAsync(server, "outage");
        await scene.Until(Phase.Writable);
        // Apps rescue alone before the fleet is told.
        await scene.Two.Report(new Status { AdapterLoaded = true, Rescued = 2, Unsaved = 2 });
        await scene.Outage();
        var from = (await scene.Read())!.Since!.Value;
        await scene.One.Report(new Status { AdapterLoaded = true, Rescued = 3, Unsaved = 3 });
        await scene.Written(status => status.LastOutage is { To: null, Rescued: 5, Replayed: 0 } outage && outage.From == from && outage.Reason.Contains("failed", StringComparison.Ordinal));
        await scene.Right.DisposeAsync();
        await using var moved = await scene.Join(scene.Left, "web-2", 2, Mode.Cache, 1, new Status { AdapterLoaded = true, Rescued = 2, Unsaved = 2 });
        await scene.Written(status => status is { Sidecars: 2, Unsaved: 5, Fleet.Count: 1, LastOutage.Rescued: 5 });
        await scene.Drain();
        await scene.One.Ack(scene.One.Newest!.Epoch);
        await moved.Ack(scene.One.Newest!.Epoch);
        await scene.One.Report(new Status { AdapterLoaded = true, Rescued = 3, Replayed = 3 });
        await moved.Report(new Status { AdapterLoaded = true, Rescued = 2, Replayed = 1, Dropped = 1 });
        await ApiServer.Until(() => Task.FromResult(moved.Newest!.Mode == Mode.Normal), "it is over");
        await scene.Written(status => status.LastOutage is { To: not null, Rescued: 5, Replayed: 4, Lost: 1 } outage && outage.From == from);
    }

    private static bool Settled(Sidecar sidecar) => sidecar.Newest!.Settled;

    private sealed class Scene : IAsyncDisposable
    {
        private readonly ApiServer _server;
        private readonly string _space;

        private Scene(ApiServer server, string space) => (_server, _space) = (server, space);

        public Replica Left { get; private set; } = null!;

        public Replica Right { get; private set; } = null!;

        public Sidecar One { get; private set; } = null!;

        public Sidecar Two { get; private set; } = null!;

        public Sidecar[] Both => [One, Two];

        /// <summary>Both have said that the database takes writes.</summary>
        public static async Task<Scene> StartAsync(ApiServer server, string prefix)
        {
            var scene = new Scene(server, await server.NamespaceAsync(prefix));
            await Databases.Create(server, scene._space, new { recovery = new { successes = 2, dwell = "0ms" } });
            scene.Left = await Replica.Start(server, "operator-1", scene._space);
            scene.Right = await Replica.Start(server, "operator-2", scene._space);
            scene.One = await scene.Join(scene.Left, "web-1");
            scene.Two = await scene.Join(scene.Right, "web-2");
            await ApiServer.Until(() => Task.FromResult(scene.Both.All(sidecar => sidecar.Newest!.Fleet == 2)), "each replica knows of both sidecars");
            await scene.One.Probe(Verdict.Writable);
            await scene.Two.Probe(Verdict.Writable);
            await scene.Until(Phase.Writable);
            return scene;
        }

        public async Task<Sidecar> Join(Replica replica, string pod, ulong epoch = 0, Mode mode = Mode.Normal, ulong lastNormal = 0, Status? status = null)
        {
            var sidecar = await Sidecar.Join(replica.Grpc, $"{_space}/orders-db", pod, epoch, mode, lastNormal, status);
            await ApiServer.Until(() => Task.FromResult(sidecar.Newest is not null), () => $"{pod} is told something ({sidecar.Ended})");
            return sidecar;
        }

        /// <summary>Epoch 2: the fleet is told Cache. Nobody has acked it.</summary>
        public async Task Outage()
        {
            await Task.WhenAll(Both.Select(sidecar => sidecar.Probe(Verdict.Unreachable)));
            await Until(Mode.Cache);
            Assert.All(Both, sidecar => Assert.Equal(2UL, sidecar.Newest!.Epoch));
        }

        public async Task Drain()
        {
            while (One.Newest!.Mode != Mode.Drain)
            {
                await One.Probe(Verdict.Writable);
                await Task.Delay(50, Cancellation);
            }
            if (Two.Ended.Length == 0)
            {
                await Until(Mode.Drain);
            }
        }

        public Task Until(Phase phase) => Until(told => told.Phase == phase, $"{phase}");

        public Task Until(Mode mode) => Until(told => told.Mode == mode, $"{mode}");

        public async Task<SessionDatabaseStatus?> Read() => (await Databases.Read(_server, _space)).Status;

        /// <summary>The status gets to be so.</summary>
        public async Task Written(Func<SessionDatabaseStatus, bool> holds)
        {
            SessionDatabaseStatus? status = null;
            try
            {
                await ApiServer.Until(async () => (status = await Read()) is not null && holds(status), "the status is as expected");
            }
            catch (Xunit.Sdk.TrueException)
            {
                Assert.Fail($"the status is {System.Text.Json.JsonSerializer.Serialize(status, ApiJson.Options)}");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await One.DisposeAsync();
            await Two.DisposeAsync();
            await Left.DisposeAsync();
            await Right.DisposeAsync();
        }

        private Task Until(Func<Protocol.Fleet.Decision, bool> holds, string what) => ApiServer.Until(
            () => Task.FromResult(Both.All(sidecar => holds(sidecar.Newest!))), $"both are told {what}; newest were {One.Newest} and {Two.Newest}");
    }
}
