namespace SessionOperator.Operator.Housekeeping.Leases;

/// <summary>
/// The time for which a replica holds the lease. It ends by itself, on our own clock, unless renewed: no answer of
/// anybody is needed for that.
/// </summary>
public sealed class Term : IDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _held;
    private readonly CancellationTokenSource _over;
    private long _sent;

    /// <param name="time">The clock.</param>
    /// <param name="held">How long a renewal counts.</param>
    /// <param name="sent">Timestamp of that clock, taken before the first write was sent.</param>
    public Term(TimeProvider time, TimeSpan held, long sent)
    {
        (_time, _held, _sent) = (time, held, sent);
        _over = new CancellationTokenSource(Left, time);
    }

    /// <summary>Cancelled when the term ends. Pass it on to everything that is done in it.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>To be asked before each write: the timer behind <see cref="Over"/> may be late, a clock is not.</summary>
    public bool Holds => !_over.IsCancellationRequested && Left > TimeSpan.Zero;

    private TimeSpan Left => _held - _time.GetElapsedTime(Volatile.Read(ref _sent)) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>False when it was over already: what ended stays ended.</summary>
    public bool Renew(long sent)
    {
        if (!Holds)
        {
            return false;
        }
        Volatile.Write(ref _sent, sent);
        _over.CancelAfter(Left);
        return !_over.IsCancellationRequested;
    }

    public Task EndAsync() => _over.CancelAsync();

    public void Dispose() => _over.Dispose();
}
