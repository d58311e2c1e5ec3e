using System.Globalization;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals.Views;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Signals;

/// <summary>
/// What changed between two moments, as far as it says something about the database. Pure: views and time in,
/// sightings out. What was so when it was first seen is no change; the probes know about that.
/// </summary>
public static class Sightings
{
    public static readonly TimeSpan ShortestDrill = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan LongestDrill = TimeSpan.FromMinutes(10);

    public static IEnumerable<Sighting> Between(DatabaseView before, DatabaseView after, Preset preset, DateTimeOffset now) =>
        PodSightings.Between(before, after, preset, now)
            .Concat(Endpoints(before, after, preset, now))
            .Concat(Nodes(before, after, preset))
            .Concat(Rollout(before, after))
            .Concat(Resources(before, after, preset, now));

    /// <param name="database">Name of the SessionDatabase.</param>
    /// <param name="before">What was asked; null when this is the first that is heard of it.</param>
    /// <param name="after">What is asked now.</param>
    /// <param name="now">The time.</param>
    public static IEnumerable<Sighting> Requests(string database, RequestView? before, RequestView after, DateTimeOffset now)
    {
        var subject = $"sessiondatabase/{database}";
        var (maintenance, drill) = ($"{subject} maintenance", $"{subject} drill");
        if (after.Until != before?.Until)
        {
            if (after.Until is { } until && until > now)
            {
                var words = $"is in maintenance until {until.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}{(after.Why.Length > 0 ? ": " : "")}{after.Why}";
                yield return Sighting.Announced(SightingKind.Maintenance, subject, maintenance, words, now, until, holds: true);
            }
            else if (before?.Until is not null)
            {
                yield return Sighting.Withdrawn(SightingKind.MaintenanceOver, subject, maintenance, "is no longer in maintenance", now);
            }
        }
        // A drill that was asked for before the operator started has been held, or is old: it is not repeated at each start.
        if (before is null || after.Drill == before.Drill)
        {
            yield break;
        }
        if (TryReadDrill(after.Drill, out var length))
        {
            yield return Sighting.Announced(SightingKind.Drill, subject, drill, $"asked for a drill of {after.Drill}", now, now + length, holds: true);
        }
        else if (before.Drill.Length > 0)
        {
            yield return Sighting.Withdrawn(SightingKind.DrillOver, subject, drill, "asks for no drill any more", now);
        }
    }

    /// <summary>False when it is no time from 1s to 10m.</summary>
    public static bool TryReadDrill(string text, out TimeSpan length) =>
        Durations.TryRead(text, out length) && length >= ShortestDrill && length <= LongestDrill;

    private static IEnumerable<Sighting> Endpoints(DatabaseView before, DatabaseView after, Preset preset, DateTimeOffset now)
    {
        if (before.ReadyEndpoints > 0 && after.ReadyEndpoints == 0)
        {
            yield return Sighting.Suspect(SightingKind.NoEndpoints, $"service/{string.Join(" or ", preset.Services)}", "has no ready endpoint any more", now);
        }
    }

    private static IEnumerable<Sighting> Nodes(DatabaseView before, DatabaseView after, Preset preset)
    {
        foreach (var name in after.Candidates(preset).Select(pod => pod.Node).Distinct())
        {
            if (before.Nodes.TryGetValue(name, out var was) && was.Leaving.Length == 0
                && after.Nodes.TryGetValue(name, out var node) && node.Leaving.Length > 0)
            {
                yield return new Sighting(SightingKind.NodeLeaving, $"node/{name}", $"is {node.Leaving}; the database on it will have to go");
            }
        }
    }

    private static IEnumerable<Sighting> Rollout(DatabaseView before, DatabaseView after)
    {
        if (before.StatefulSet is { IsRolling: false } && after.StatefulSet is { IsRolling: true } set)
        {
            yield return new Sighting(SightingKind.Rollout, $"statefulset/{set.Name}", "has begun a rollout; its pods will be replaced one after the other");
        }
    }

    private static IEnumerable<Sighting> Resources(DatabaseView before, DatabaseView after, Preset preset, DateTimeOffset now)
    {
        for (var i = 0; i < preset.Resources.Length; i++)
        {
            if (!before.Resources.TryGetValue(i, out var was))
            {
                continue;
            }
            // An object that is gone says nothing any more.
            var current = after.Resources.TryGetValue(i, out var resource) ? resource.True : 0;
            for (var r = 0; r < preset.Resources[i].Rules.Length; r++)
            {
                var rule = preset.Resources[i].Rules[r];
                var reporter = $"{was.Name} rule {r}";
                switch ((was.True >> r & 1, current >> r & 1))
                {
                    case (0, 1):
                        yield return Sighting.Announced(SightingKind.Announced, was.Name, reporter, rule.Says, now, now + rule.Holds);
                        break;
                    case (1, 0):
                        yield return Sighting.Withdrawn(SightingKind.Withdrawn, was.Name, reporter, $"no longer {rule.Says}", now);
                        break;
                }
            }
        }
    }
}
