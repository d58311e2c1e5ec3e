using System.Globalization;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.State;

/// <summary>The decision and what it rests on, as fields of a SessionDatabase's status: nothing is lost on the way there and back.</summary>
public static class DecisionStatus
{
    /// <summary>Null when nothing has been decided there yet.</summary>
    public static StoredState? Read(SessionDatabase database) =>
        database.Status is { Basis: { } basis } status ? new StoredState(VersionOf(database.Metadata.Uid, basis.Revision), Read(status, basis)) : null;

    /// <summary>Differs whenever the decision part differs; other parts of the status and the spec do not change it.</summary>
    public static string VersionOf(string uid, long revision) => string.Create(CultureInfo.InvariantCulture, $"{uid}/{revision}");

    /// <summary>The fields of the status that make up a decision; the rest of the status is not theirs.</summary>
    /// <param name="state">What to store.</param>
    /// <param name="revision">Greater than the one it replaces.</param>
    public static Part Write(DatabaseState state, long revision)
    {
        var decision = state.Decision;
        return new Part(decision.Phase, decision.Mode, decision.Epoch, decision.Reason, decision.Since, new DecisionBasis
        {
            Revision = revision,
            Cause = decision.Cause.ToString(),
            LastNormalEpoch = decision.LastNormalEpoch,
            FirstSignalAt = decision.FirstSignalAt,
            OutageSince = state.OutageSince,
            OutageReason = state.OutageReason,
            ReopenedAt = state.ReopenedAt,
            Flaps = state.Flaps,
            FromSignals = state.FromSignals,
            // An empty text is left out: API servers of 1.20 that were built with a newer Go take it for null, and refuse it.
            Announced = state.Announced is { } announced
                ? new AnnouncedBasis { Reporter = announced.Reporter, At = announced.At, Until = announced.Until, Server = announced.DoomedServer is { Length: > 0 } doomed ? doomed : null, Holds = announced.Holds }
                : null,
        });
    }

    private static DatabaseState Read(SessionDatabaseStatus status, DecisionBasis basis) => new()
    {
        Decision = new Decision(
            status.Epoch ?? 0, status.Phase ?? Phase.Unknown, status.Mode ?? Mode.Normal,
            // A newer operator may know more causes; what it meant is in the reason.
            Enum.TryParse<Cause>(basis.Cause, out var cause) ? cause : Cause.Rebuilt,
            status.Reason ?? "", status.Since ?? default, basis.LastNormalEpoch)
        {
            FirstSignalAt = basis.FirstSignalAt,
        },
        OutageSince = basis.OutageSince,
        OutageReason = basis.OutageReason,
        ReopenedAt = basis.ReopenedAt,
        Flaps = basis.Flaps,
        FromSignals = basis.FromSignals,
        Announced = basis.Announced is { } announced
            ? new AnnouncedEvent(announced.Reporter, announced.At, announced.Until, announced.Server ?? "") { Holds = announced.Holds }
            : null,
    };

    public sealed record Part(Phase Phase, Mode Mode, ulong Epoch, string Reason, DateTimeOffset Since, DecisionBasis Basis);
}
