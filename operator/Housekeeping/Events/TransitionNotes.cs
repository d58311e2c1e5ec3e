using System.Globalization;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Housekeeping.Events;

/// <summary>What a change of a SessionDatabase is worth telling people. Pure.</summary>
public static class TransitionNotes
{
    private const string Announced = "Announced";

    public static Subject SubjectOf(SessionDatabase database) => new(
        SessionDatabase.ApiVersion, SessionDatabase.Kind, database.Metadata.Namespace, database.Metadata.Name, database.Metadata.Uid);

    /// <param name="before">What was known of it; null when this is the first that is heard of it.</param>
    /// <param name="after">What is known now.</param>
    /// <param name="now">The time.</param>
    /// <param name="newsFor">How old a decision may be that is heard of first, to be told.</param>
    public static IEnumerable<Note> Between(SessionDatabase? before, SessionDatabase after, DateTimeOffset now, TimeSpan newsFor)
    {
        if (before is not null && before.Metadata.Uid != after.Metadata.Uid)
        {
            before = null;
        }
        var (old, status) = (before?.Status, after.Status);
        if (status is { Epoch: > 0 } && (before is null ? now - status.Since < newsFor : status.Epoch > (old?.Epoch ?? 0)))
        {
            yield return Transition(SubjectOf(after), old, status);
        }
        if (before is not null && Lost(status) is var lost && lost > Lost(old))
        {
            yield return new Note(SubjectOf(after), true, "ChangesDropped",
                $"{lost} session changes of the outage since {Time(status!.LastOutage!.From)} were not written to the database: their session was logged out, changed since, or refused; the sidecars' logs say which");
        }
        var drill = after.Metadata.Annotations.GetValueOrDefault(Annotations.Drill) ?? "";
        if (before is not null && drill.Length > 0 && drill != (before.Metadata.Annotations.GetValueOrDefault(Annotations.Drill) ?? "")
            && !Sightings.TryReadDrill(drill, out _))
        {
            yield return new Note(SubjectOf(after), true, "DrillRefused",
                $"the annotation {Annotations.Drill} is \"{Fleet.Checks.Line(drill, 60)}\"; write a time from 1s to 10m, such as 30s");
        }
    }

    private static Note Transition(Subject about, SessionDatabaseStatus? old, SessionDatabaseStatus status)
    {
        var (warning, reason, words) = (status.Phase, status.Mode) switch
        {
            (Phase.Unwritable, _) when status.Basis is { Cause: Announced, Announced: { Holds: true } held } => held.Reporter.EndsWith(" drill", StringComparison.Ordinal)
                ? (false, "Drill", $"apps are told {status.Mode}, as in an outage")
                : (false, "Maintenance", $"apps are told {status.Mode}"),
            (Phase.Unwritable, Mode.Normal) => (true, "Unwritable", "the database takes no session writes"),
            (Phase.Unwritable, _) => (true, "Unwritable", $"the database takes no session writes, apps are told {status.Mode}"),
            (Phase.Recovering, Mode.Drain) => (false, "Draining", "the database takes session writes again, what it has not seen is replayed"),
            (Phase.Recovering, _) => (false, "Recovering", $"the database begins to take session writes again, apps are still told {status.Mode}"),
            (_, Mode.Normal) when old?.Basis?.OutageSince is { } since && status.Since is { } back =>
                (false, "Normal", string.Create(CultureInfo.InvariantCulture, $"the database takes session writes, apps are told Normal, after {(back - since).TotalSeconds:0.#} s without")),
            (Phase.Writable, Mode.Normal) => (false, "Normal", "the database takes session writes, apps are told Normal"),
            _ => (false, status.Phase?.ToString() ?? "Unknown", $"apps are told {status.Mode}"),
        };
        return new Note(about, warning, reason, $"{words} (epoch {status.Epoch}): {status.Reason}")
        {
            Key = string.Create(CultureInfo.InvariantCulture, $"epoch {status.Epoch}"),
            At = status.Since,
        };
    }

    private static ulong Lost(SessionDatabaseStatus? status) => status?.LastOutage?.Lost ?? 0;

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
