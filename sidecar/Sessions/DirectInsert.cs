using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>New sessions that go to the database at once, since the mode is Normal: no replay would insert them.</summary>
internal static class DirectInsert
{
    private static readonly TimeSpan QuickFailure = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// The mode became Normal before a new session was acknowledged. Its record may just have been dropped, as that of a session that
    /// was ended meanwhile must be; of this one nobody has heard yet.
    /// </summary>
    public static async Task<Answer> OvertakenAsync(SessionRecord born, Backend backend, CancellationToken cancel)
    {
        try
        {
            // A row that is there is our own, from a moment ago.
            await InsertAsync(born, backend, cancel);
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
            return await InsertAsync(born, backend, cancel) ? new Answer("saved") { Version = born.Version, Degraded = false } : Answer.Exists;
        }
        catch (RowStoreException e)
        {
            return Answer.Refused(e.Message);
        }
    }

    // A server that came back has cut the connections of before, and the next use of each says so. Where that took long there is no time left.
    private static async Task<bool> InsertAsync(SessionRecord born, Backend backend, CancellationToken cancel)
    {
        var ends = ModeController.Now + QuickFailure;
        while (true)
        {
            try
            {
                return (await backend.Rows!.ApplyAsync([new RowChange(born, RowAction.Insert, null)], cancel))[0];
            }
            catch (RowStoreException e) when (e.Unavailable && ModeController.Now < ends)
            {
                await Task.Delay(Pause, cancel);
            }
        }
    }
}
