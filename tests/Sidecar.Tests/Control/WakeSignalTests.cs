using SessionOperator.Sidecar.Control;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>A loop that has nothing to do sleeps.</summary>
public sealed class WakeSignalTests
{
    [Fact]
    public void The_last_part_of_a_millisecond_is_waited_for_and_not_spun_through()
    {
        var signal = new WakeSignal();
        // One that is still under way is enough: this thread may be held up for longer than a wait takes.
        Assert.Contains(Enumerable.Range(0, 20), _ => !signal.WaitAsync(TimeSpan.FromMicroseconds(400), CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task A_wait_ends_at_the_signal_and_without_one_only_when_it_has_passed()
    {
        var signal = new WakeSignal();
        var forEver = signal.WaitAsync(Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        Assert.True(signal.WaitAsync(TimeSpan.Zero, CancellationToken.None).IsCompleted, "there is nothing to wait for");
        Assert.False(forEver.IsCompleted);
        signal.Set();
        await forEver;
    }
}
