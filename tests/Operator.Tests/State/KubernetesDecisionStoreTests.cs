using System.Text.Json;
using Microsoft.AspNetCore.Http;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.State;
using SessionOperator.Operator.Tests.Watching;

namespace SessionOperator.Operator.Tests.State;

/// <summary>What the store makes of an API server that does not do as it should.</summary>
public class KubernetesDecisionStoreTests
{
    private const string Orders = "default/orders-db";

    private static DatabaseState Fallback { get; } = DatabaseState.Initial(DateTimeOffset.UnixEpoch)
        .To(Phase.Unwritable, Mode.Cache, Cause.Confirmed, "two probes failed", new Policy(Mode.Cache), DateTimeOffset.UnixEpoch);

    public static TheoryData<string> Failures => [.. Ways.Keys];

    internal static Dictionary<string, Func<StatusServer, Answer>> Ways { get; } = new()
    {
        ["429"] = _ => Say.Status(429, retryAfter: 1),
        ["500"] = _ => Say.Status(500),
        ["503"] = _ => Say.Status(503),
        ["504"] = _ => Say.Status(504),
        ["no answer"] = _ => Say.Nothing,
        ["half an answer"] = _ => Say.StalledList,
        ["no JSON"] = _ => context => context.Response.WriteAsync("<html>proxy</html>", context.RequestAborted),
        ["reset"] = _ => context =>
        {
            context.Abort();
            return Task.CompletedTask;
        },
        ["written, answer lost"] = server => server.Lost,
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task What_may_pass_is_unavailable_within_the_deadline_and_the_same_write_succeeds_afterwards(string failure)
    {
        await using var failing = await StatusServer.StartAsync();
        failing.Script(Ways[failure](failing)).Honest();
        var store = failing.Store;
        await Assert.ThrowsAsync<DecisionStoreUnavailableException>(
            async () => await store.TryWriteAsync(Orders, null, Fallback, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None));
        var second = await store.TryWriteAsync(Orders, null, Fallback, CancellationToken.None);
        Assert.Equal(Fallback.Decision, second.Current.State.Decision);
        Assert.Equal(1UL, failing.Stored().Status!.Epoch);
        Assert.Equal(1, failing.Stored().Status!.Basis!.Revision);
    }

    [Theory]
    [InlineData(403, "give its service account the verb patch")]
    [InlineData(404, "has just been deleted")]
    [InlineData(422, "install the resource definition of this version")]
    public async Task A_refusal_says_what_to_do(int code, string says)
    {
        await using var server = await StatusServer.StartAsync(Say.Status(code));
        var refused = await Assert.ThrowsAsync<DecisionStoreUnavailableException>(
            async () => await server.Store.TryWriteAsync(Orders, null, Fallback, CancellationToken.None));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_of_something_else_is_no_loss()
    {
        await using var server = await StatusServer.StartAsync();
        server.Honest().Label();
        Assert.True((await server.Store.TryWriteAsync(Orders, null, Fallback, CancellationToken.None)).Written);
        Assert.Equal(Mode.Cache, server.Stored().Status!.Mode);
    }

    [Fact]
    public async Task A_decision_of_another_replica_stands_and_is_learnt()
    {
        await using var server = await StatusServer.StartAsync();
        var theirs = Fallback.To(Phase.Recovering, Mode.Drain, Cause.Recovered, "it commits again", new Policy(Mode.Cache), DateTimeOffset.UnixEpoch);
        server.Honest().Write(JsonSerializer.SerializeToNode(DecisionStatus.Write(theirs, 7), ApiJson.Options)!.AsObject());
        var outcome = await server.Store.TryWriteAsync(Orders, null, Fallback, CancellationToken.None);
        Assert.Equal((false, theirs.Decision), (outcome.Written, outcome.Current.State.Decision));
        Assert.Equal(2UL, server.Stored().Status!.Epoch);
    }
}
