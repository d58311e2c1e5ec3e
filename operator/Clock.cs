namespace SessionOperator.Operator;

/// <summary>
/// Wall time at the start plus what has elapsed since: a corrected system clock neither ends a lease nor makes
/// evidence older than it is.
/// </summary>
public sealed class Clock(TimeProvider time)
{
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();
    private readonly long _start = time.GetTimestamp();

    public DateTimeOffset Now => _startedAt + time.GetElapsedTime(_start);
}
