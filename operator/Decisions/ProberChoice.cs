using System.Collections.Immutable;

namespace SessionOperator.Operator.Decisions;

/// <summary>A connected sidecar as a possible prober.</summary>
/// <param name="Id">Its id.</param>
/// <param name="CanProbe">An app has handed it the database's address and credentials.</param>
public readonly record struct Candidate(string Id, bool CanProbe);

/// <summary>Who probes since when, and who is left out until when.</summary>
public sealed record Probers(
    ImmutableDictionary<string, DateTimeOffset> Since, ImmutableDictionary<string, DateTimeOffset> BenchedUntil)
{
    public static readonly Probers None = new(
        ImmutableDictionary<string, DateTimeOffset>.Empty, ImmutableDictionary<string, DateTimeOffset>.Empty);
}

/// <summary>
/// At most two sidecars probe a database. A prober that stays silent, or stays alone with its bad news, is benched:
/// one pod on a bad node must not keep the whole fleet in fallback.
/// </summary>
public static class ProberChoice
{
    public const int AtMost = 2;
    public static readonly TimeSpan Bench = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan MaxDissent = TimeSpan.FromSeconds(5);
    private const int DissentingProbes = 5;

    /// <param name="current">The choice so far; the same instance comes back when it stands.</param>
    /// <param name="connected">Connected sidecars, longest connected first.</param>
    /// <param name="seen">What they have reported.</param>
    /// <param name="now">The time.</param>
    /// <param name="atMost">How many may probe, 0 to <see cref="AtMost"/>.</param>
    public static Probers Choose(
        Probers current, IReadOnlyCollection<Candidate> connected, Observations seen, DateTimeOffset now, int atMost = AtMost)
    {
        var benched = current.BenchedUntil.RemoveRange(current.BenchedUntil.Where(b => b.Value <= now).Select(b => b.Key));
        foreach (var (id, since) in current.Since)
        {
            if (Dissents(id, seen, now) || IsSilent(id, since, seen, now))
            {
                benched = benched.SetItem(id, now + Bench);
            }
        }
        var chosen = connected
            .OrderByDescending(c => c.CanProbe)
            .ThenBy(c => benched.ContainsKey(c.Id))
            .ThenByDescending(c => current.Since.ContainsKey(c.Id))
            .Take(atMost)
            .ToList();
        // Somebody has to ask, be it a benched one; but beside one in good standing a benched one only disturbs.
        if (chosen.Exists(c => !benched.ContainsKey(c.Id)))
        {
            chosen.RemoveAll(c => benched.ContainsKey(c.Id));
        }
        var next = chosen.ToImmutableDictionary(c => c.Id, c => current.Since.GetValueOrDefault(c.Id, now));
        var stands = next.Count == current.Since.Count && next.Keys.All(current.Since.ContainsKey)
            && benched.Count == current.BenchedUntil.Count && benched.All(b => current.BenchedUntil.Contains(b));
        return stands ? current : new Probers(next, benched);
    }

    private static bool Dissents(string id, Observations seen, DateTimeOffset now) =>
        seen.Tracks.TryGetValue(id, out var track) && track.FailedInRow >= DissentingProbes
        && now - track.FailingSince >= MaxDissent && seen.NewestUp > track.FailingSince;

    private static bool IsSilent(string id, DateTimeOffset since, Observations seen, DateTimeOffset now)
    {
        var spoke = seen.Tracks.TryGetValue(id, out var track) && track.LastAt > since ? track.LastAt : since;
        return now - spoke >= MaxSilence;
    }
}
