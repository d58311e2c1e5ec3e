using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>New sessions that go to the database at once, since the mode is Normal: no replay would insert them.</summary>
internal static class DirectInsert
{
    /// <summary>
    /// The mode became Normal before a new session was acknowledged. Its record may just have been dropped, as that of a session that
    /// was ended meanwhile must be; of this one nobody has heard yet.
    /// </summary>
    public static async Task<Answer> OvertakenAsync(SessionRecord born, Backend backend, CancellationToken cancel)
    {
        try
        {
            // A row that is there is our own, from a moment ago.
            await backend.Rows!.ApplyAsync([new RowChange(born, RowAction.Insert, null)], cancel);
            return new Answer("saved") { Version = born.Version, Degraded = false };
        }
        catch (RowStoreException e)
        {
            return Answer.Refused(e.Message);
        }
    }

    /// <summary>Kept for later it could not be told from a session that was logged out meanwhile, and would never be inserted.</summary>
    public static async Task<Answer> CreateAsync(SaveRequest request, Backend backend, CancellationToken cancel)
    {
        var store = backend.App.Store!;
        var born = SessionChange.Next(null, request, store.DataColumn, store.ExpiryColumn, 0);
        try
        {
            var inserted = await backend.Rows!.ApplyAsync([new RowChange(born, RowAction.Insert, null)], cancel);
            return inserted[0] ? new Answer("saved") { Version = born.Version, Degraded = false } : Answer.Exists;
        }
        catch (RowStoreException e)
        {
            return Answer.Refused(e.Message);
        }
    }
}
