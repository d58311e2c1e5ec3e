namespace SessionOperator.Operator.Fleet;

/// <summary>Unsaved session changes of a leaving sidecar that no other one takes.</summary>
/// <param name="Pod">Whose sidecar it is.</param>
/// <param name="Count">How many.</param>
/// <param name="HaveLeft">The sidecar has spoken its last word; until then it keeps trying.</param>
public sealed record StrandedChanges(string Pod, ulong Count, bool HaveLeft);
