using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Decisions;

/// <summary>
/// What this replica's sidecars did in the outage that goes on, or in the last one, and the sum over all replicas.
/// </summary>
public sealed class OutageLedger
{
    /// <summary>Apps rescue alone before the fleet is told: what was reported this shortly before an outage belongs to it.</summary>
    private static readonly TimeSpan s_prelude = TimeSpan.FromSeconds(6);

    private readonly Queue<(DateTimeOffset At, ulong Rescued)> _before = [];

    /// <summary>When it began; null while none is known.</summary>
    public DateTimeOffset? Outage { get; private set; }

    public string Reason { get; private set; } = "";

    public ulong Rescued { get; private set; }

    public ulong Replayed { get; private set; }

    public ulong Lost { get; private set; }

    public void See(DatabaseState state)
    {
        if (state.OutageSince is { } since && since != Outage)
        {
            (Outage, Reason, Rescued, Replayed, Lost) = (since, state.OutageReason ?? state.Decision.Reason, 0, 0, 0);
            Forget(since);
            foreach (var (_, rescued) in _before)
            {
                Rescued += rescued;
            }
            _before.Clear();
        }
    }

    /// <summary>What sidecars report beyond their last report.</summary>
    public void Add(ulong rescued, ulong replayed, ulong lost, bool normal, DateTimeOffset now)
    {
        if (Outage is not null)
        {
            (Rescued, Replayed, Lost) = (Rescued + rescued, Replayed + replayed, Lost + lost);
        }
        if (normal && rescued > 0)
        {
            Forget(now);
            _before.Enqueue((now, rescued));
        }
    }

    /// <summary>Takes over what a replica that is gone had counted.</summary>
    public void Inherit(FleetEntry entry)
    {
        if (entry.Outage is { } outage && outage >= (Outage ?? outage))
        {
            (Rescued, Replayed, Lost) = outage == Outage
                ? (Rescued + entry.Rescued, Replayed + entry.Replayed, Lost + entry.Lost)
                : (entry.Rescued, entry.Replayed, entry.Lost);
            Outage = outage;
        }
    }

    /// <summary>Another replica has taken over what we had counted so far.</summary>
    public void HandedOn() => (Rescued, Replayed, Lost) = (0, 0, 0);

    /// <summary>The outage as the status shows it; null when there was none.</summary>
    /// <param name="stored">What it shows now.</param>
    /// <param name="others">The other replicas' entries.</param>
    /// <param name="state">The state in force.</param>
    public LastOutage? Sum(LastOutage? stored, IEnumerable<FleetEntry> others, DatabaseState state)
    {
        if (Outage is not { } from)
        {
            return stored;
        }
        var same = others.Where(entry => entry.Outage == from).ToList();
        var known = stored?.From == from ? stored : null;
        return new LastOutage
        {
            From = from,
            To = state.OutageSince is null ? known?.To ?? state.ReopenedAt : null,
            // Never empty: some API servers take an empty text in a patch for null, and refuse it.
            Reason = Reason.Length > 0 ? Reason : known?.Reason is { Length: > 0 } shown ? shown : "not known any more",
            Rescued = same.Aggregate(Rescued, (sum, entry) => sum + entry.Rescued),
            Replayed = same.Aggregate(Replayed, (sum, entry) => sum + entry.Replayed),
            Lost = same.Aggregate(Lost, (sum, entry) => sum + entry.Lost),
        };
    }

    private void Forget(DateTimeOffset now)
    {
        while (_before.TryPeek(out var oldest) && now - oldest.At > s_prelude)
        {
            _before.Dequeue();
        }
    }
}
