using SessionOperator.Operator.Api;
using SessionOperator.Operator.Fleet;

namespace SessionOperator.Operator.Housekeeping.Events;

/// <summary>What people are told of changes that no other sidecar takes. Written by the replica that the leaving sidecar is connected to: no other one hears of it.</summary>
public static class StrandedNote
{
    public static Note Of(SessionDatabase database, StrandedChanges changes) =>
        new(TransitionNotes.SubjectOf(database), true, "ChangesStranded", changes.HaveLeft
            ? $"{changes.Pod} has left, and {changes.Count} unsaved session changes with it; they are in its journal, if its volume still exists"
            : $"{changes.Pod} is leaving with {changes.Count} unsaved session changes that no other sidecar takes; it keeps trying until its grace period ends");
}
