namespace SessionOperator.Sidecar.Control;

/// <summary>Wakes one waiting loop; signals that come while it works count as one.</summary>
internal sealed class WakeSignal
{
    private TaskCompletionSource _source = New();

    public void Set() => Volatile.Read(ref _source).TrySetResult();

    /// <summary>Ends at the signal, after <paramref name="longest"/> or at cancellation, without throwing.</summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken cancel)
    {
        var source = Volatile.Read(ref _source);
        await source.Task.WaitAsync(longest, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (source.Task.IsCompleted)
        {
            Interlocked.CompareExchange(ref _source, New(), source);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
