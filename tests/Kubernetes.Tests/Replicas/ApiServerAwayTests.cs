using SessionOperator.Kubernetes.Tests.Servers;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Kubernetes.Tests.Replicas;

public class ApiServerAwayTests
{
    private static readonly TimeSpan s_away = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Without_the_API_server_the_fleet_stays_in_its_mode_and_afterwards_what_was_found_is_decided_once()
    {
        await using var server = new ApiServer();
        await server.InitializeAsync();
        var space = await server.NamespaceAsync("away");
        await Databases.Create(server, space, new { });
        await using var left = await Replica.Start(server, "operator-1", space);
        await using var right = await Replica.Start(server, "operator-2", space);
        await using var one = await Sidecar.Join(left.Grpc, $"{space}/orders-db", "web-1");
        await using var two = await Sidecar.Join(right.Grpc, $"{space}/orders-db", "web-2");
        await one.Probe(Verdict.Writable);
        await Until(() => one.Newest?.Phase == Phase.Writable && two.Newest?.Phase == Phase.Writable, "both are told Writable");
        var epoch = one.Newest!.Epoch;

        using var over = new CancellationTokenSource();
        var reporting = Report(over.Token, one, two);
        await server.StopAsync();
        var until = DateTimeOffset.UtcNow + s_away;
        while (DateTimeOffset.UtcNow < until)
        {
            foreach (var replica in new[] { left, right })
            {
                Assert.Equal("alive", await replica.Get("/healthz"));
            }
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        }
        foreach (var sidecar in new[] { one, two })
        {
            Assert.Equal("", sidecar.Ended);
            // Renewed all the time, and never anything else.
            Assert.Equal((epoch, Mode.Normal), (sidecar.Newest!.Epoch, sidecar.Newest.Mode));
        }
        // It fails while nobody can write that down.
        await over.CancelAsync();
        await reporting;
        await Task.WhenAll(one.Probe(Verdict.Unreachable), two.Probe(Verdict.Unreachable));
        await Task.WhenAll(one.Probe(Verdict.Unreachable), two.Probe(Verdict.Unreachable));

        using var end = new CancellationTokenSource();
        reporting = Report(end.Token, one, two);
        await server.StartAsync();
        await Until(() => one.Newest?.Mode == Mode.Cache && two.Newest?.Mode == Mode.Cache, "both are told Cache");
        await end.CancelAsync();
        await reporting;
        foreach (var sidecar in new[] { one, two })
        {
            Assert.Equal([Mode.Normal, Mode.Cache], sidecar.Told.Select(decision => decision.Mode).Distinct());
            Assert.Equal(epoch + 1, sidecar.Newest!.Epoch);
        }
        Assert.Equal(epoch + 1, (await Databases.Read(server, space)).Status!.Epoch);
    }

    /// <summary>As sidecars do: who says nothing for 15 s is cut off, and stopping a server may take that long.</summary>
    private static async Task Report(CancellationToken over, params Sidecar[] sidecars)
    {
        while (!over.IsCancellationRequested)
        {
            await Task.WhenAll(sidecars.Select(sidecar => sidecar.Unsaved(0)));
            await Task.Delay(TimeSpan.FromSeconds(1), over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Task Until(Func<bool> holds, string what) => ApiServer.Until(() => Task.FromResult(holds()), what, 60);
}
