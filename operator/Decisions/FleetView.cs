using System.Collections.Immutable;

namespace SessionOperator.Operator.Decisions;

/// <summary>The fleet as a decision needs it: counts, for the epoch in force.</summary>
/// <param name="Connected">Sidecars connected to any replica.</param>
/// <param name="Acked">Of these, how many have the epoch in force.</param>
/// <param name="Drained">Of those, how many have since reported that nothing is unsaved.</param>
/// <param name="Unsaved">Unsaved session changes, summed.</param>
/// <param name="Probers">Ids of the sidecars chosen to probe.</param>
/// <param name="Gathered">False just after another operator's decision was taken over: some of its sidecars may not be back yet.</param>
public sealed record FleetView(
    int Connected, int Acked, int Drained, ulong Unsaved, ImmutableHashSet<string> Probers, bool Gathered = true)
{
    public static readonly FleetView Empty = new(0, 0, 0, 0, []);

    /// <summary>Together with what other replicas say of theirs.</summary>
    /// <param name="others">The other replicas.</param>
    /// <param name="epoch">The epoch in force: whoever counts for another one has nobody yet who obeys it.</param>
    public FleetView With(OtherReplicas others, ulong epoch)
    {
        var sum = this with { Probers = Probers.Union(others.Probers) };
        foreach (var entry in others.Counting)
        {
            var here = entry.Epoch == epoch;
            sum = sum with
            {
                Connected = sum.Connected + entry.Connected,
                Acked = sum.Acked + (here ? entry.Acked : 0),
                Drained = sum.Drained + (here ? entry.Drained : 0),
                Unsaved = sum.Unsaved + entry.Unsaved,
            };
        }
        return sum;
    }

    /// <summary>Every connected sidecar has the epoch in force.</summary>
    public bool Settled => Gathered && Connected == Acked;

    /// <summary>How many sidecars there are, as far as it may be told: never "one alone" while others may be on their way back.</summary>
    public int Told => Gathered ? Connected : Math.Max(2, Connected);
}
