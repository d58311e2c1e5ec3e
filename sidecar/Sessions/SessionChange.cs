namespace SessionOperator.Sidecar.Sessions;

/// <summary>What the next record of a session is, given the newest one known and a save. Pure.</summary>
internal static class SessionChange
{
    private const int LongestLineage = 16;

    /// <summary>The record a save makes.</summary>
    /// <param name="newest">The newest record of the session, not a tombstone; null if there is none.</param>
    /// <param name="request">A save that passed validation.</param>
    /// <param name="dataColumn">Name of the column that holds the session data.</param>
    /// <param name="expiryColumn">Name of the column that holds the expiry.</param>
    /// <param name="epoch">The operator's epoch in force.</param>
    /// <param name="apart">Some pod may be in Normal. Of a session without a known base the row could tell nothing.</param>
    public static SessionRecord Next(
        SessionRecord? newest, SaveRequest request, string dataColumn, string expiryColumn, ulong epoch, bool apart = false)
    {
        // A clean marker only carries the version: the database's row is the state the change was made from.
        var unsaved = newest is { Clean: false } ? newest : null;
        var optional = request.Change == "optional";
        var columns = request.Columns!;
        var overtaken = optional && unsaved is not null && Overtaken(request, unsaved, dataColumn);
        if (overtaken)
        {
            columns = unsaved!.Columns!; // with an expiry of its own, which may be a shorter one that the user asked for
        }
        else if (optional && unsaved?.Columns is { } held && columns.TryGetValue(expiryColumn, out var expiry))
        {
            // Unchanged since it was loaded, so whatever is newer stays; only the expiry moves.
            columns = new(held) { [expiryColumn] = expiry };
        }

        var born = request.Create || request.RowUnsure || unsaved is { Born: true };
        var root = unsaved is not null ? unsaved.Base : request.Base;
        return new SessionRecord
        {
            Key = request.Key!,
            Version = (newest?.Version ?? 0) + 1,
            Born = born,
            Dirty = !optional || request.Create || unsaved is { Dirty: true },
            Columns = columns,
            Expires = overtaken ? unsaved!.Expires : request.Expires!.Value.ToUniversalTime(),
            Base = root,
            Lineage = unsaved is not null ? Extend(unsaved, dataColumn) : null,
            Apart = apart && (born || root is not null),
            Epoch = epoch,
            CacheEntry = request.CacheEntry ?? unsaved?.CacheEntry,
            TombstoneEntry = request.TombstoneEntry ?? unsaved?.TombstoneEntry,
            SavedEntry = request.SavedEntry ?? unsaved?.SavedEntry,
        };
    }

    // Whether the session was changed after the request had loaded it.
    private static bool Overtaken(SaveRequest request, SessionRecord unsaved, string dataColumn) =>
        request.Base is { } loaded && unsaved.Data(dataColumn) is { } data && !Fingerprints.Matches(loaded, data);

    /// <summary>The states a change of this record comes from, itself the last of them.</summary>
    public static List<Fingerprint>? Extend(SessionRecord record, string dataColumn)
    {
        if (!record.Dirty || record.Data(dataColumn) is not { } data)
        {
            return record.Lineage;
        }

        var lineage = new List<Fingerprint>(record.Lineage ?? []);
        var own = Fingerprints.Of(data);
        if (!lineage.Contains(own))
        {
            lineage.Add(own);
        }

        if (lineage.Count > LongestLineage)
        {
            lineage.RemoveRange(0, lineage.Count - LongestLineage);
        }

        return lineage;
    }
}
