namespace SessionOperator.Operator.Housekeeping.Events;

/// <summary>
/// How many events of one reason an object gets: a few at once, then one a minute, so that a database that comes and goes
/// does not flood the cluster. What was left out is counted and said with the next one. Owned by one loop.
/// </summary>
public sealed class EventBudget(TimeProvider time)
{
    /// <summary>Events of one reason and object that may come at once.</summary>
    public const int Burst = 10;

    /// <summary>How often one more is allowed.</summary>
    public static readonly TimeSpan Refill = TimeSpan.FromMinutes(1);

    private const int MaxRemembered = 10_000;
    private readonly Dictionary<(string Uid, string Reason), Purse> _purses = [];

    /// <summary>False when this one is left out; then it is counted.</summary>
    /// <param name="note">What should be written.</param>
    /// <param name="leftOut">How many before it were left out.</param>
    public bool Take(Note note, out int leftOut)
    {
        var now = time.GetTimestamp();
        if (!_purses.TryGetValue((note.About.Uid, note.Reason), out var purse))
        {
            Forget(now);
            _purses.Add((note.About.Uid, note.Reason), purse = new Purse { Events = Burst, FilledAt = now });
        }
        purse.Events = Math.Min(Burst, purse.Events + (time.GetElapsedTime(purse.FilledAt, now) / Refill));
        purse.FilledAt = now;
        leftOut = purse.LeftOut;
        if (purse.Events < 1)
        {
            purse.LeftOut++;
            return false;
        }
        purse.Events--;
        purse.LeftOut = 0;
        return true;
    }

    /// <summary>Whoever is full again need not be remembered.</summary>
    private void Forget(long now)
    {
        if (_purses.Count < MaxRemembered)
        {
            return;
        }
        foreach (var (key, _) in _purses.Where(entry => time.GetElapsedTime(entry.Value.FilledAt, now) > Burst * Refill).ToList())
        {
            _purses.Remove(key);
        }
        if (_purses.Count >= MaxRemembered)
        {
            _purses.Clear();
        }
    }

    private sealed class Purse
    {
        public double Events { get; set; }

        public long FilledAt { get; set; }

        public int LeftOut { get; set; }
    }
}
