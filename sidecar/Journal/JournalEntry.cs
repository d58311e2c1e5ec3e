using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Journal;

/// <summary>What was in force when it was last written; read back by a restarted sidecar.</summary>
/// <param name="Epoch">The operator's decision last obeyed.</param>
/// <param name="Mode">Number of the mode in force (protocol Mode).</param>
/// <param name="LastNormalEpoch">The newest epoch whose mode was Normal.</param>
/// <param name="Settled">Every connected sidecar had acked that epoch.</param>
/// <param name="Fallback">Number of the configured fallback (protocol Mode).</param>
/// <param name="Accompanied">Another pod of the app had been heard of.</param>
public sealed record InForce(ulong Epoch, int Mode, ulong LastNormalEpoch, bool Settled, int Fallback, bool Accompanied = false);

/// <summary>"The database has it", for a session (key) or a row update (identity).</summary>
public sealed record Done(string Key, long Version);

/// <summary>One line of the journal; exactly one member is set.</summary>
public sealed record JournalEntry
{
    public SessionRecord? Record { get; init; }
    public Done? RecordDone { get; init; }
    public RowUpdate? Row { get; init; }
    public Done? RowDone { get; init; }
    public InForce? InForce { get; init; }
}
