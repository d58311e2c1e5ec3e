using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>Why a record was not written.</summary>
internal enum DropReason
{
    /// <summary>It was written, or needs no writing.</summary>
    None,

    /// <summary>The row is gone: logged out or expired; it stays gone.</summary>
    RowGone,

    /// <summary>The row was changed by somebody who came after us.</summary>
    Superseded,
}

/// <summary>What becomes of a record, given its row. Pure.</summary>
internal static class ReplayDecision
{
    /// <summary>Chooses the change of the row.</summary>
    /// <param name="record">The newest known state of the session, not a tombstone.</param>
    /// <param name="row">The row's session data; null if there is no row.</param>
    /// <param name="dataColumn">Name of the column that holds the session data.</param>
    /// <param name="fenced">No pod has written this session past our knowledge since the record was made.</param>
    /// <param name="insertable">Nobody has ended this session past our knowledge since the record was made.</param>
    public static (RowAction Action, DropReason Drop) Decide(SessionRecord record, string? row, string dataColumn, bool fenced, bool insertable)
    {
        if (row is null)
        {
            // Otherwise a missing row may have been there and been logged out: no logout is undone.
            return record.Born && insertable ? (RowAction.Insert, DropReason.None) : (RowAction.None, DropReason.RowGone);
        }

        if (!record.Dirty)
        {
            // A row that was changed since has an expiry of its own, which may be a shorter one that the user asked for.
            return record.Base is null || row == record.Data(dataColumn) || OfLineage(record, row)
                ? (RowAction.MoveExpiry, DropReason.None) : (RowAction.None, DropReason.Superseded);
        }

        if (row == record.Data(dataColumn))
        {
            // An earlier try was committed and its answer lost, or another pod was first.
            return (RowAction.MoveExpiry, DropReason.None);
        }

        return fenced || OfLineage(record, row)
            ? (RowAction.Write, DropReason.None)
            : (RowAction.None, DropReason.Superseded);
    }

    /// <summary>Whether somebody else wrote the row since: it holds neither this state nor one it came from.</summary>
    public static bool Superseded(SessionRecord record, string row, string dataColumn) =>
        row != record.Data(dataColumn) && !OfLineage(record, row);

    private static bool OfLineage(SessionRecord record, string row) =>
        (record.Base is { } root && Fingerprints.Matches(root, row))
        || (record.Lineage?.Exists(f => Fingerprints.Matches(f, row)) ?? false);
}
