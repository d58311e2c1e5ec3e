using SessionOperator.Operator.Fleet;
using SessionOperator.Protocol.Fleet;
using static SessionOperator.Protocol.Fleet.Evidence.Types;

namespace SessionOperator.Operator.Tests.Fleet;

public class ConflationTests
{
    private static Encoded Epoch(ulong epoch) => Encoded.Of(new Decision { Epoch = epoch });

    [Fact]
    public async Task Who_is_busy_with_one_message_gets_the_newest_next()
    {
        var connection = new Connection("web-1/1", "web-1");
        var (first, second, third) = (Epoch(1), Epoch(2), Epoch(3));
        var sent = new List<Encoded>();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var busy = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Offer(first);
        var sending = connection.SendAll(
            message =>
            {
                sent.Add(message);
                begun.TrySetResult();
                return busy.Task;
            },
            TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await begun.Task;
        connection.Offer(second);
        connection.Offer(third);
        connection.End("done");
        busy.SetResult();
        await sending;
        Assert.Equal([first, third], sent);
    }

    [Fact(Timeout = 10_000)]
    public async Task Who_takes_nothing_within_the_deadline_is_given_up()
    {
        var connection = new Connection("web-1/1", "web-1");
        connection.Offer(Epoch(1));
        var never = new TaskCompletionSource();
        await Assert.ThrowsAsync<TimeoutException>(() =>
            connection.SendAll(_ => never.Task, TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_slow_reader_on_a_real_connection_skips_what_is_outdated()
    {
        const int Changes = 2000;
        // A lease of a millisecond makes every turn of the loop a renewal: thousands of messages without thousands of outages.
        var minute = TimeSpan.FromMinutes(1);
        await using var hub = await TestHub.Start(
            new FleetTimings(TimeSpan.FromMilliseconds(1)) { Tick = TimeSpan.FromMilliseconds(1), ReadDeadline = minute, WriteDeadline = minute });
        // A long name makes long reasons, which fill the buffers on the way sooner.
        await using var slow = await TestSidecar.Join(hub, new string('s', 250), 7, Mode.Normal, 7);
        await using var quick = await TestSidecar.Join(hub, "quick");
        await quick.Until(d => d.Epoch == 7);
        for (var i = 0; i < Changes; i++)
        {
            await quick.Unsaved(0);
            await quick.Until(_ => true);
        }
        await quick.Probe(Verdict.Writable);
        await quick.Until(d => d.Epoch == 8);

        var read = 0;
        await slow.Until(d => ++read > 0 && d.Epoch == 8);
        Assert.True(read < Changes / 2, $"the slow reader was sent {read} messages although thousands were outdated");
    }
}
