using Grpc.Core;

namespace SessionOperator.Operator.Fleet;

/// <summary>Reads with a deadline, so that a half-open connection does not count as a sidecar for ever.</summary>
internal sealed class ReadDeadline(TimeProvider time, CancellationToken ending) : IDisposable
{
    private readonly CancellationTokenSource _late = new(Timeout.InfiniteTimeSpan, time);

    /// <summary>False at the end of the stream.</summary>
    /// <exception cref="TimeoutException">Nothing came.</exception>
    public async Task<bool> Next<T>(IAsyncStreamReader<T> stream, TimeSpan deadline)
    {
        _late.CancelAfter(deadline);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending, _late.Token);
        try
        {
            return await stream.MoveNext(either.Token);
        }
        catch (Exception broken) when (_late.IsCancellationRequested && !ending.IsCancellationRequested)
        {
            throw new TimeoutException($"nothing was heard for {deadline.TotalSeconds:0.#} s", broken);
        }
        finally
        {
            if (!_late.IsCancellationRequested)
            {
                _late.CancelAfter(Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void Dispose() => _late.Dispose();
}
