using System.Net;
using Grpc.Core;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Protocol.Fleet;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>
/// The replica that makes a decision is dead at once: neither the API server nor a sidecar hears of it again. The other
/// one, at the same moment, is about to write the same decision.
/// </summary>
public class KilledReplicaTests(ApiServer server)
{
    public enum Moment
    {
        BeforeTheWrite,
        BeforeTheAnswer,
        AfterTheAnswer,
        AfterTheFirstMessage,
    }

    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(2);

    private static readonly KubernetesTimings s_quick = new(s_lease)
    {
        Replicas = new(s_lease) { Heartbeat = TimeSpan.FromSeconds(1), HeartbeatInOutage = TimeSpan.FromMilliseconds(300) },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Moment.BeforeTheWrite)]
    [InlineData(Moment.BeforeTheAnswer)]
    [InlineData(Moment.AfterTheAnswer)]
    [InlineData(Moment.AfterTheFirstMessage)]
    public async Task No_transition_is_lost_none_is_doubled_and_epochs_never_go_back(Moment moment)
    {
        var space = await server.NamespaceAsync("killed");
        await Databases.Create(server, space, new { recovery = new { successes = 2, dwell = "0ms" } });
        await using var way = await ApiProxy.StartAsync(server);
        await using var otherWay = await ApiProxy.StartAsync(server);
        await using var left = await Replica.Start(server, "operator-1", space, s_quick, way);
        await using var right = await Replica.Start(server, "operator-2", space, s_quick, otherWay);
        using var wire = new Wire(left.Grpc);
        await using var one = await Join(wire.Address, space, "web-1");
        await using var two = await Join(right.Grpc, space, "web-2");
        await UntilAll([one, two], Phase.Writable, Verdict.Writable);

        var killed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        way.Handle = passing => passing.IsDecision ? Kill(moment, passing, way, wire, one, killed) : ApiProxy.Through(passing);
        otherWay.Handle = async passing =>
        {
            if (passing.IsDecision)
            {
                await killed.Task;
            }
            await ApiProxy.Through(passing);
        };
        await ProbeUntil([one, two], Verdict.Unreachable, () => killed.Task.IsCompleted, "the left one decides");
        await ApiServer.Until(() => Task.FromResult(one.Ended.Length > 0), "the sidecar notices");
        var decided = (await Databases.Read(server, space)).Status!;
        Assert.True(decided.Epoch is 2 || (moment == Moment.BeforeTheWrite && decided.Epoch is 1), $"{decided.Epoch}");

        var last = one.Newest!;
        await using var moved = await Join(right.Grpc, space, "web-1", last);
        await UntilAll([moved, two], Phase.Unwritable, Verdict.Unreachable);
        var kept = (await Databases.Read(server, space)).Status!;
        Assert.Equal((2UL, Mode.Cache), (kept.Epoch, kept.Mode));
        if (moment != Moment.BeforeTheWrite)
        {
            Assert.Equal((decided.Since, decided.Reason), (kept.Since, kept.Reason));
        }

        // And the way back, which ends with every sidecar accounted for.
        await ProbeUntil([moved, two], Verdict.Writable, () => moved.Newest!.Mode == Mode.Normal && two.Newest!.Mode == Mode.Normal, "Normal again", AckAll);
        Assert.Equal(5UL, (await Databases.Read(server, space)).Status!.Epoch);
        CheckHistories([.. one.Told, .. moved.Told], [.. two.Told]);
    }

    /// <summary>Per sidecar in order; over all of them an epoch means one thing.</summary>
    private static void CheckHistories(params Decision[][] histories)
    {
        foreach (var told in histories)
        {
            Assert.Equal(told.Select(decision => decision.Epoch).Order(), told.Select(decision => decision.Epoch));
            // Each way was gone once.
            Assert.Equal(
                [Mode.Normal, Mode.Cache, Mode.Drain, Mode.Normal],
                told.Select(decision => decision.Mode).Where((mode, i) => i == 0 || mode != told[i - 1].Mode));
        }
        foreach (var epoch in histories.SelectMany(told => told).GroupBy(decision => decision.Epoch))
        {
            Assert.Single(epoch.Select(decision => (decision.Phase, decision.Mode, decision.Reason, decision.LastNormalEpoch)).Distinct());
        }
    }

    private static async Task Kill(Moment moment, Passing passing, ApiProxy way, Wire wire, Sidecar one, TaskCompletionSource killed)
    {
        if (moment != Moment.BeforeTheWrite && await passing.Pass() != HttpStatusCode.OK)
        {
            // Something else was written meanwhile; it tries again.
            await passing.Answer();
            return;
        }
        if (moment == Moment.AfterTheFirstMessage)
        {
            await passing.Answer();
            await ApiServer.Until(() => Task.FromResult(one.Newest!.Epoch == 2), "the left one tells its sidecar");
        }
        wire.Cut();
        if (moment == Moment.AfterTheAnswer)
        {
            await passing.Answer();
        }
        way.Cut();
        killed.TrySetResult();
    }

    private static async Task<Sidecar> Join(string address, string space, string pod, Decision? last = null)
    {
        var sidecar = await Sidecar.Join(
            address, $"{space}/orders-db", pod, last?.Epoch ?? 0, last?.Mode ?? Mode.Normal, last?.LastNormalEpoch ?? 0);
        await ApiServer.Until(() => Task.FromResult(sidecar.Newest is not null), () => $"{pod} is told something ({sidecar.Ended})");
        return sidecar;
    }

    private static Task UntilAll(Sidecar[] sidecars, Phase phase, Verdict verdict) => ProbeUntil(
        sidecars, verdict, () => sidecars.All(sidecar => sidecar.Newest!.Phase == phase),
        $"all are told {phase}");

    private static async Task ProbeUntil(
        Sidecar[] sidecars, Verdict verdict, Func<bool> holds, string what, Func<Sidecar, Task>? also = null) => await ApiServer.Until(
            async () =>
            {
                foreach (var sidecar in sidecars.Where(sidecar => sidecar.Ended.Length == 0))
                {
                    await ProbeOnce(sidecar, verdict);
                    await (also?.Invoke(sidecar) ?? Task.CompletedTask);
                }
                await Task.Delay(50, Cancellation);
                return holds();
            },
            () => $"{what}; newest were {string.Join(" and ", sidecars.Select(sidecar => $"{sidecar.Newest}"))}");

    private static async Task ProbeOnce(Sidecar sidecar, Verdict verdict)
    {
        try
        {
            await sidecar.Probe(verdict);
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException or IOException) // the last: cut in the middle of the write
        {
            await ApiServer.Until(() => Task.FromResult(sidecar.Ended.Length > 0), $"the stream has ended, since {ended.Message}");
        }
    }

    private static async Task AckAll(Sidecar sidecar)
    {
        await sidecar.Ack(sidecar.Newest!.Epoch);
        await sidecar.Unsaved(0);
    }
}
