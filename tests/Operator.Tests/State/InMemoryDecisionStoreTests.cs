using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Tests.State;

public class InMemoryDecisionStoreTests
{
    private static readonly DatabaseState Initial = DatabaseState.Initial(DateTimeOffset.UnixEpoch);

    [Fact]
    public async Task Of_two_writers_with_the_same_version_one_wins_and_the_other_learns_what_was_written()
    {
        var store = new InMemoryDecisionStore();
        var cancellation = TestContext.Current.CancellationToken;
        Assert.Null(await store.ReadAsync("default/db", cancellation));
        var first = await store.TryWriteAsync("default/db", null, Initial, cancellation);
        Assert.True(first.Written);
        var winner = Initial with { Flaps = 1 };
        var won = await store.TryWriteAsync("default/db", first.Current.Version, winner, cancellation);
        var lost = await store.TryWriteAsync("default/db", first.Current.Version, Initial with { Flaps = 2 }, cancellation);
        Assert.True(won.Written);
        Assert.False(lost.Written);
        Assert.Equal(won.Current, lost.Current);
        Assert.Equal(winner, (await store.ReadAsync("default/db", cancellation))!.State);
    }

    [Fact]
    public async Task Subscribers_hear_of_writes_until_they_end()
    {
        var store = new InMemoryDecisionStore();
        var cancellation = TestContext.Current.CancellationToken;
        var heard = new List<StoredState>();
        StoredState written;
        using (store.Subscribe("default/db", heard.Add))
        {
            written = (await store.TryWriteAsync("default/db", null, Initial, cancellation)).Current;
            await store.TryWriteAsync("default/other", null, Initial, cancellation);
        }
        await store.TryWriteAsync("default/db", written.Version, Initial, cancellation);
        Assert.Equal([written], heard);
    }
}
