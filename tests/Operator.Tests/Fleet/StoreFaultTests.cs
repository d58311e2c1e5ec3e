using System.Globalization;
using System.Text.RegularExpressions;
using SessionOperator.Operator.Tests.State;
using SessionOperator.Operator.Tests.Watching;
using SessionOperator.Protocol.Fleet;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Operator.Tests.Fleet;

/// <summary>A whole operator whose API server does not take its decisions: none is lost, none is made twice, and the streams go on.</summary>
public partial class StoreFaultTests
{
    [Theory]
    [MemberData(nameof(KubernetesDecisionStoreTests.Failures), MemberType = typeof(KubernetesDecisionStoreTests))]
    public async Task A_decision_that_cannot_be_stored_is_made_once_as_soon_as_it_can(string failure)
    {
        await using var server = await StatusServer.StartAsync();
        // The first decision is stored; of the second, three attempts fail.
        server.Script(server.Honestly).Script([.. Enumerable.Repeat(KubernetesDecisionStoreTests.Ways[failure](server), 3)]).Honest();
        await using var hub = await TestHub.Start(store: server.Store);
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        await sidecar.Probe(Verdict.Writable);
        Assert.Equal(1UL, (await sidecar.Until(d => d.Phase == Phase.Writable)).Epoch);
        await sidecar.Probe(Verdict.Unreachable);
        await sidecar.Probe(Verdict.Unreachable);
        Assert.Equal(2UL, (await sidecar.Until(Mode.Cache)).Epoch);
        Assert.Equal((2UL, Mode.Cache), (server.Stored().Status!.Epoch!.Value, server.Stored().Status!.Mode!.Value));
        Assert.Equal(2, Transitions(await hub.Get("/metrics")));
    }

    [Fact]
    public async Task While_the_store_is_away_streams_go_on_in_their_mode_and_only_a_restart_would_harm()
    {
        await using var server = await StatusServer.StartAsync();
        await using var hub = await TestHub.Start(new(TimeSpan.FromSeconds(1)), server.Store);
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        // There is no script: no write is answered.
        await sidecar.Probe(Verdict.Writable);
        for (var renewals = 0; renewals < 10; renewals++)
        {
            var decision = await sidecar.Until(_ => true);
            Assert.Equal((0UL, Mode.Normal), (decision.Epoch, decision.Mode));
        }
        Assert.Equal("alive", await hub.Get("/healthz"));
        await using var late = await TestSidecar.Join(hub, "web-2");
        Assert.Equal(Mode.Normal, (await late.Until(_ => true)).Mode);
        server.Honest();
        Assert.Equal(1UL, (await sidecar.Until(d => d.Phase == Phase.Writable)).Epoch);
    }

    private static int Transitions(string metrics) =>
        Line().Matches(metrics).Sum(line => int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture));

    [GeneratedRegex(@"^session_operator_transitions_total\{database=""default/orders-db"".*\} (\d+)", RegexOptions.Multiline)]
    private static partial Regex Line();
}
