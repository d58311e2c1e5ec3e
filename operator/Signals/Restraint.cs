using System.Collections.Immutable;

namespace SessionOperator.Operator.Signals;

/// <summary>
/// A readiness probe that flickers must not send the fleet into fallback again and again: one run of one pod's
/// container flips it alone by "not ready" once in a while; in between, the same is a suspicion.
/// </summary>
public sealed record Restraint
{
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(5);
    public static readonly Restraint None = new();

    /// <summary>When which instance last flipped the fleet alone.</summary>
    public ImmutableDictionary<string, DateTimeOffset> Flipped { get; init; } = ImmutableDictionary<string, DateTimeOffset>.Empty;

    /// <summary>The sighting as it may be passed on, and what is remembered from now on.</summary>
    public (Restraint Next, Sighting Sighting) Apply(Sighting sighting, DateTimeOffset now)
    {
        if (sighting is not { Kind: SightingKind.NotReady, Signal: { Kind: SignalKind.Stopped } signal })
        {
            return (this, sighting);
        }
        if (Flipped.TryGetValue(sighting.Instance, out var last) && now - last < Window)
        {
            return (this, sighting with { Signal = signal with { Kind = SignalKind.Suspect } });
        }
        var recent = Flipped.RemoveRange(Flipped.Where(flip => now - flip.Value >= Window).Select(flip => flip.Key));
        return (new Restraint { Flipped = recent.SetItem(sighting.Instance, now) }, sighting);
    }
}
