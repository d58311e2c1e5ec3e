using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Replicas;

public class TransitionTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_replicas_that_race_for_one_transition_make_one_epoch_of_it()
    {
        var space = await server.NamespaceAsync("race");
        await Databases.Create(server, space, new { });
        await using var left = await Replica.Start(server, "operator-1", space);
        await using var right = await Replica.Start(server, "operator-2", space);
        await using var one = await Joined(left, space, "web-1");
        await using var two = await Joined(right, space, "web-2");
        await Task.WhenAll(one.Probe(Verdict.Writable), two.Probe(Verdict.Writable));
        await Until(one, Phase.Writable);
        await Until(two, Phase.Writable);
        for (var i = 0; i < 2; i++)
        {
            await Task.WhenAll(one.Probe(Verdict.Unreachable), two.Probe(Verdict.Unreachable));
        }
        await Until(one, Phase.Unwritable);
        await Until(two, Phase.Unwritable);
        var stored = (await Databases.Read(server, space)).Status!;
        Assert.Equal((2UL, Phase.Unwritable, Mode.Cache, 1UL), (stored.Epoch, stored.Phase, stored.Mode, stored.Basis!.LastNormalEpoch));
        foreach (var sidecar in new[] { one, two })
        {
            Assert.Equal([0UL, 1UL, 2UL], sidecar.Told.Select(decision => decision.Epoch).Distinct());
        }
    }

    [Fact]
    public async Task What_a_replica_decided_before_it_ended_is_what_the_next_one_tells()
    {
        var space = await server.NamespaceAsync("heir");
        await Databases.Create(server, space, new { fallback = "SkipSave" });
        await using (var first = await Replica.Start(server, "operator-1", space))
        await using (var sidecar = await Joined(first, space, "web-1"))
        {
            await sidecar.Probe(Verdict.Writable);
            await Until(sidecar, Phase.Writable);
            await sidecar.Probe(Verdict.Unreachable);
            await sidecar.Probe(Verdict.Unreachable);
            await Until(sidecar, Phase.Unwritable);
        }
        await using var next = await Replica.Start(server, "operator-2", space);
        // A sidecar that knows nothing is told all of it: this does not come from hellos.
        await using var fresh = await Joined(next, space, "web-2");
        await Until(fresh, Phase.Unwritable);
        Assert.Equal((2UL, Mode.SkipSave, 1UL), (fresh.Newest!.Epoch, fresh.Newest.Mode, fresh.Newest.LastNormalEpoch));
    }

    [Fact]
    public async Task Who_comes_back_before_the_databases_have_been_read_is_asked_to_try_again()
    {
        var space = await server.NamespaceAsync("early");
        await Databases.Create(server, space, new { });
        var released = new TaskCompletionSource();
        await using var proxy = await ApiProxy.StartAsync(server);
        proxy.Handle = async passing =>
        {
            if (passing.Path.Contains($"/{SessionDatabase.Plural}?", StringComparison.Ordinal))
            {
                await released.Task;
            }
            await ApiProxy.Through(passing);
        };
        await using var replica = await Replica.Start(server, "operator-1", space, through: proxy, ready: false);
        await using (var early = await Sidecar.Join(replica.Grpc, $"{space}/orders-db", "web-1"))
        {
            await ApiServer.Until(() => Task.FromResult(early.Ended.Length > 0), "it is answered");
            Assert.Equal("the operator is starting and does not know every SessionDatabase yet; try again", early.Ended);
        }
        released.SetResult();
        await replica.Ready();
        await using var again = await Joined(replica, space, "web-1");
        await using var wrong = await Sidecar.Join(replica.Grpc, $"{space}/odrers-db", "web-2");
        await ApiServer.Until(() => Task.FromResult(wrong.Ended == "unknown_database"), "now what is unknown is unknown");
    }

    [Fact]
    public async Task A_database_is_served_as_long_as_it_is_there_and_as_it_says_now()
    {
        var space = await server.NamespaceAsync("life");
        await using var replica = await Replica.Start(server, "operator-1", space);
        await using (var early = await Sidecar.Join(replica.Grpc, $"{space}/orders-db", "web-1"))
        {
            await ApiServer.Until(() => Task.FromResult(early.Ended == "unknown_database"), "who comes too early is refused");
        }
        await Databases.Create(server, space, new { });
        await ApiServer.Until(async () => (await replica.Get("/metrics")).Contains($"session_operator_epoch{{database=\"{space}/orders-db\"}}", StringComparison.Ordinal), "it is served");
        await using var sidecar = await Joined(replica, space, "web-1");
        Assert.Equal(Mode.Cache, sidecar.Newest!.Fallback);
        await server.Calls.MergeAsync<SessionDatabase>(Databases.PathOf(space), new { spec = new { fallback = "SkipSave" } }, Cancellation);
        await ApiServer.Until(() => Task.FromResult(sidecar.Newest!.Fallback == Mode.SkipSave), "the new fallback is told");
        await server.Client.CustomObjects.DeleteNamespacedCustomObjectWithHttpMessagesAsync(
            SessionDatabase.Group, SessionDatabase.Version, space, SessionDatabase.Plural, "orders-db", cancellationToken: Cancellation);
        await ApiServer.Until(() => Task.FromResult(sidecar.Ended.Contains("was deleted", StringComparison.Ordinal)), "its streams end");
    }

    private static async Task<Sidecar> Joined(Replica replica, string space, string pod)
    {
        var sidecar = await Sidecar.Join(replica.Grpc, $"{space}/orders-db", pod);
        await ApiServer.Until(() => Task.FromResult(sidecar.Newest is not null), () => $"{pod} is told something ({sidecar.Ended})");
        return sidecar;
    }

    private static Task Until(Sidecar sidecar, Phase phase) =>
        ApiServer.Until(() => Task.FromResult(sidecar.Newest?.Phase == phase), () => $"{phase} is told; newest was {sidecar.Newest}");
}
