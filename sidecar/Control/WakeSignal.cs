namespace SessionOperator.Sidecar.Control;

/// <summary>Wakes one waiting loop; signals that come while it works count as one.</summary>
internal sealed class WakeSignal
{
    private TaskCompletionSource _source = New();

    public void Set() => Volatile.Read(ref _source).TrySetResult();

    /// <summary>
    /// Ends at the signal, after <paramref name="longest"/> (in milliseconds, rounded up) or at cancellation, without throwing. The clock
    /// of the timers is a coarse one: it may end some milliseconds early.
    /// </summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken cancel)
    {
        var source = Volatile.Read(ref _source);
        // Timers drop what is below a millisecond: a loop that waits for the rest of a time would turn, and not wait, for its last one.
        var whole = longest > TimeSpan.Zero ? TimeSpan.FromMilliseconds(Math.Ceiling(longest.TotalMilliseconds)) : longest;
        await source.Task.WaitAsync(whole, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (source.Task.IsCompleted)
        {
            Interlocked.CompareExchange(ref _source, New(), source);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
