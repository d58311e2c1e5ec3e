using System.Diagnostics;
using Grpc.Core;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.State;
using SessionOperator.Protocol.Fleet;
using static SessionOperator.Protocol.Fleet.Evidence.Types;
using Status = SessionOperator.Protocol.Fleet.Status;

namespace SessionOperator.Operator.Tests.Fleet;

public class HubTests
{
    [Fact]
    public async Task A_sidecar_is_told_the_whole_state_at_once()
    {
        await using var hub = await TestHub.Start();
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        var decision = await sidecar.Until(d => d.ProbeIntervalMs > 0);
        Assert.Equal(
            (0UL, Phase.Unknown, Mode.Normal, 10_000u, 1u, 1000u, Mode.Cache),
            (decision.Epoch, decision.Phase, decision.Mode, decision.LeaseMs, decision.Fleet, decision.ProbeIntervalMs, decision.Fallback));
        Assert.NotEmpty(decision.Reason);
    }

    [Fact]
    public async Task An_outage_from_the_first_refused_save_to_normal_again()
    {
        await using var hub = await TestHub.Start();
        await using var one = await TestSidecar.Join(hub, "web-1");
        await using var two = await TestSidecar.Join(hub, "web-2");
        await one.Probe(Verdict.Writable);
        await two.Probe(Verdict.Writable);
        await one.Until(d => d.Phase == Phase.Writable);

        var watch = Stopwatch.StartNew();
        await one.RefusedSave(Verdict.Unreachable);
        await one.Until(d => d.ProbeNow > 0);
        await Task.WhenAll(one.Probe(Verdict.Unreachable), two.Probe(Verdict.Unreachable));
        var down = await two.Until(Mode.Cache);
        Assert.Equal((Phase.Unwritable, 250u, 1UL), (down.Phase, down.ProbeIntervalMs, down.LastNormalEpoch));
        Assert.True(watch.ElapsedMilliseconds < 1400, $"the flip took {watch.ElapsedMilliseconds} ms");

        using var recovered = new CancellationTokenSource();
        var probing = Repeat(() => one.Probe(Verdict.Writable), recovered.Token);
        var drain = await two.Until(Mode.Drain);
        await Task.WhenAll(one.Ack(drain.Epoch), two.Ack(drain.Epoch));
        await Task.WhenAll(one.Unsaved(0), two.Unsaved(3));
        Assert.Equal(Mode.Drain, (await two.Until(d => d.Settled)).Mode);
        await two.Unsaved(0);
        var normal = await two.Until(Mode.Normal);
        Assert.Equal((Phase.Writable, normal.Epoch), (normal.Phase, normal.LastNormalEpoch));
        await recovered.CancelAsync();
        await probing;
    }

    [Fact]
    public async Task Settled_is_told_to_all_when_the_last_ack_has_come_and_taken_back_when_somebody_joins()
    {
        await using var hub = await TestHub.Start();
        await using var one = await TestSidecar.Join(hub, "web-1");
        await using var two = await TestSidecar.Join(hub, "web-2");
        await one.Until(d => d.Fleet == 2);
        await one.Ack(0);
        await two.Ack(0);
        Assert.Equal(2u, (await one.Until(d => d.Settled)).Fleet);
        Assert.Equal(0UL, (await two.Until(d => d.Settled)).Epoch);

        var three = await TestSidecar.Join(hub, "web-3");
        Assert.False((await one.Until(d => d.Fleet == 3)).Settled);
        await three.DisposeAsync();
        Assert.True((await one.Until(d => d.Fleet == 2)).Settled);
    }

    [Fact]
    public async Task A_decision_is_renewed_before_its_lease_ends()
    {
        await using var hub = await TestHub.Start(new FleetTimings(TimeSpan.FromMilliseconds(900)));
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        await sidecar.Ack(0);
        await sidecar.Until(d => d.Settled);
        for (var renewals = 0; renewals < 3; renewals++)
        {
            var watch = Stopwatch.StartNew();
            Assert.Equal(0UL, (await sidecar.Until(_ => true)).Epoch);
            Assert.True(watch.ElapsedMilliseconds < 800, $"a renewal came after {watch.ElapsedMilliseconds} ms");
        }
    }

    [Fact]
    public async Task A_restarted_operator_continues_where_the_fleet_is()
    {
        var first = await TestHub.Start();
        await using (var before = await TestSidecar.Join(first, "web-1", 7, Mode.Cache, 5))
        {
            Assert.Equal(7UL, (await before.Until(Mode.Cache)).Epoch);
            await first.DisposeAsync();
        }
        await using var second = await TestHub.Start(grpc: new Uri(first.Grpc).Authority);
        await using var fresh = await TestSidecar.Join(second, "web-2");
        Assert.Equal(0UL, (await fresh.Until(Mode.Normal)).Epoch);
        await using var after = await TestSidecar.Join(second, "web-1", 7, Mode.Cache, 5);
        foreach (var sidecar in new[] { fresh, after })
        {
            var decision = await sidecar.Until(Mode.Cache);
            Assert.Equal((7UL, Phase.Unwritable, 5UL), (decision.Epoch, decision.Phase, decision.LastNormalEpoch));
        }
    }

    [Fact]
    public async Task Two_replicas_on_one_store_never_make_two_transitions_of_one()
    {
        var store = new InMemoryDecisionStore();
        await using var left = await TestHub.Start(store: store);
        await using var right = await TestHub.Start(store: store);
        await using var one = await TestSidecar.Join(left, "web-1");
        await using var two = await TestSidecar.Join(right, "web-2");
        await Task.WhenAll(one.Probe(Verdict.Writable), two.Probe(Verdict.Writable));
        await one.Until(d => d.Phase == Phase.Writable);
        await two.Until(d => d.Phase == Phase.Writable);
        foreach (var sidecar in new[] { one, two, one, two })
        {
            await sidecar.Probe(Verdict.Unreachable);
        }
        var seen = await Task.WhenAll(one.Until(Mode.Cache), two.Until(Mode.Cache));
        Assert.Equal([2UL, 2UL], seen.Select(d => d.Epoch));
    }

    [Fact]
    public async Task A_newer_stream_of_the_same_sidecar_takes_the_place_of_the_old_one()
    {
        await using var hub = await TestHub.Start();
        await using var old = await TestSidecar.Join(hub, "web-1");
        await old.Until(_ => true);
        await using var newer = await TestSidecar.Join(hub, "web-1");
        Assert.Equal(1u, (await newer.Until(_ => true)).Fleet);
        var ended = await Assert.ThrowsAsync<RpcException>(() => old.Until(_ => false));
        Assert.Equal((StatusCode.Aborted, "replaced by a newer stream of the same sidecar"), (ended.StatusCode, ended.Status.Detail));
        await newer.Ack(0);
        Assert.Equal(1u, (await newer.Until(d => d.Settled)).Fleet);
    }

    [Fact]
    public async Task A_sidecar_that_falls_silent_stops_counting()
    {
        await using var hub = await TestHub.Start(new FleetTimings(TimeSpan.FromSeconds(10)) { ReadDeadline = TimeSpan.FromMilliseconds(700) });
        await using var silent = await TestSidecar.Join(hub, "web-1");
        await using var lively = await TestSidecar.Join(hub, "web-2");
        await lively.Until(d => d.Fleet == 2);
        using var done = new CancellationTokenSource();
        var talking = Repeat(() => lively.Unsaved(0), done.Token);
        await lively.Until(d => d.Fleet == 1);
        await done.CancelAsync();
        await talking;
        var ended = await Assert.ThrowsAsync<RpcException>(() => silent.Until(_ => false));
        Assert.Equal((StatusCode.DeadlineExceeded, "nothing was heard for 0.7 s"), (ended.StatusCode, ended.Status.Detail));
    }

    [Fact]
    public async Task A_stream_that_never_says_Hello_is_ended()
    {
        await using var hub = await TestHub.Start(new FleetTimings(TimeSpan.FromSeconds(10)) { HelloDeadline = TimeSpan.FromMilliseconds(200) });
        await using var mute = new TestSidecar(hub.Grpc);
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(mute.Next)).StatusCode);
    }

    [Fact]
    public async Task Stopping_is_prompt_and_tells_the_sidecars_to_try_again()
    {
        var hub = await TestHub.Start();
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        await sidecar.Until(_ => true);
        var reading = Assert.ThrowsAsync<RpcException>(() => sidecar.Until(_ => false));
        var watch = Stopwatch.StartNew();
        await hub.Stop();
        Assert.True(watch.ElapsedMilliseconds < 2500, $"stopping took {watch.ElapsedMilliseconds} ms");
        var ended = await reading;
        // The client's half of the stream is reset right after; where the reset overtakes the word, the client sees only that.
        Assert.True(
            (ended.StatusCode, ended.Status.Detail) == (StatusCode.Unavailable, "the operator is stopping; try again")
            || ended is { StatusCode: StatusCode.Internal, Status.DebugException: not null }, ended.Message);
        await hub.DisposeAsync();
    }

    [Fact]
    public async Task Metrics_and_health_are_served_on_the_other_port()
    {
        await using var hub = await TestHub.Start();
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        await sidecar.Probe(Verdict.Misconfigured);
        await sidecar.Probe(Verdict.Writable);
        var writable = await sidecar.Until(d => d.Phase == Phase.Writable);
        await sidecar.Ack(writable.Epoch);
        await sidecar.Until(d => d.Settled);
        await sidecar.RefusedSave(Verdict.Misconfigured);
        await sidecar.Unsaved(2);
        await Eventually(async () => (await hub.Get("/metrics")).Contains("session_operator_unsaved_records{database=\"default/orders-db\"} 2", StringComparison.Ordinal));
        var metrics = await hub.Get("/metrics");
        foreach (var line in new[]
        {
            "session_operator_phase{database=\"default/orders-db\",phase=\"Writable\"} 1",
            "session_operator_mode{database=\"default/orders-db\",mode=\"Normal\"} 1",
            "session_operator_epoch{database=\"default/orders-db\"} 1",
            "session_operator_transitions_total{database=\"default/orders-db\",phase=\"Writable\",mode=\"Normal\",cause=\"Proven\"} 1",
            "session_operator_fleet_sidecars{database=\"default/orders-db\",state=\"acked\"} 1",
            "session_operator_probe_results_total{database=\"default/orders-db\",verdict=\"Misconfigured\"} 1",
            "session_operator_refused_saves_total{database=\"default/orders-db\",verdict=\"Misconfigured\"} 1",
            "session_operator_condition{database=\"default/orders-db\",condition=\"Misconfigured\"} 1",
            "session_operator_decision_to_ack_seconds_count{database=\"default/orders-db\"} 1",
            "session_operator_phase{database=\"default/users\",phase=\"Unknown\"} 1",
        })
        {
            Assert.Contains(line, metrics, StringComparison.Ordinal);
        }
        Assert.Equal(("alive", "ready"), (await hub.Get("/healthz"), await hub.Get("/readyz")));
    }

    [Fact]
    public async Task Totals_that_sidecars_report_since_their_start_are_counted_once()
    {
        await using var hub = await TestHub.Start();
        await using (var first = await TestSidecar.Join(hub, "web-1"))
        {
            await first.Send(Replayed(3));
            await first.Send(Replayed(5));
            await Eventually(() => Shows(hub, 5));
        }
        await using var again = new TestSidecar(hub.Grpc);
        var greeting = TestSidecar.Greeting("web-1");
        greeting.Hello.Status.Replayed = 5;
        await again.Send(greeting);
        await again.Send(Replayed(6));
        await Eventually(() => Shows(hub, 6));
        await using var restarted = await TestSidecar.Join(hub, "web-1", instance: "2");
        await restarted.Send(Replayed(2));
        await Eventually(() => Shows(hub, 8));
    }

    private static FromSidecar Replayed(ulong total) => new() { Status = new Status { Replayed = total } };

    private static async Task<bool> Shows(TestHub hub, int replayed) =>
        (await hub.Get("/metrics")).Contains($"session_operator_records_total{{database=\"default/orders-db\",outcome=\"replayed\"}} {replayed}\n", StringComparison.Ordinal);

    private static async Task Repeat(Func<Task> act, CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            await act();
            await Task.Delay(100, CancellationToken.None);
        }
    }

    private static async Task Eventually(Func<Task<bool>> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.True(watch.ElapsedMilliseconds < 10_000, "it never came true");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
