using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Cache;

/// <summary>Session records in the shared cache, under keys of our own that name the table they belong to.</summary>
internal sealed class RecordCache(ICacheStore store, string storeIdentity) : IAsyncDisposable
{
    private static readonly TimeSpan ShortestLife = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(60);
    private static readonly byte[] TombstoneValue = "1"u8.ToArray();

    private readonly string _prefix =
        "so1." + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(storeIdentity)))[..16] + ".";

    /// <summary>Whether the last operation was answered.</summary>
    public bool Ok { get; private set; } = true;

    /// <summary>The record with the token that <see cref="ReplaceAsync"/> takes; null if there is none.</summary>
    /// <exception cref="CacheUnavailableException">The cache does not answer.</exception>
    public async Task<(SessionRecord Record, ulong Token)?> GetAsync(string key, CancellationToken cancel) =>
        await Watched(async () =>
        {
            if (await store.GetAsync(_prefix + key, cancel) is not { } value)
            {
                return ((SessionRecord, ulong)?)null;
            }

            try
            {
                var record = JsonSerializer.Deserialize(value.Value, SidecarJson.Default.SessionRecord);
                return record is null ? null : (record, value.Token);
            }
            catch (JsonException)
            {
                throw new CacheUnavailableException("a record in the cache is not one of ours");
            }
        });

    /// <summary>
    /// Writes a record in place of the one read (null: none), and reads it back: some failures of a cache are silent.
    /// False if somebody else wrote first.
    /// </summary>
    /// <exception cref="CacheUnavailableException">The cache did not take it.</exception>
    public async Task<bool> ReplaceAsync(SessionRecord record, ulong? token, CancellationToken cancel) =>
        await Watched(async () =>
        {
            var key = _prefix + record.Key;
            var value = JsonSerializer.SerializeToUtf8Bytes(record, SidecarJson.Default.SessionRecord);
            var life = Life(record.Expires);
            var stored = token is { } t
                ? await store.CompareAndSwapAsync(key, value, t, life, cancel)
                : await store.AddAsync(key, value, life, cancel);
            if (!stored)
            {
                return false;
            }

            var back = await store.GetAsync(key, cancel);
            return back is null ? throw new CacheUnavailableException("the cache dropped a record it had accepted") : true;
        });

    /// <summary>Puts a record there unless the cache holds a newer one. Used to make the journal known to all pods.</summary>
    public async Task PublishAsync(SessionRecord record, CancellationToken cancel)
    {
        while (true)
        {
            var held = await GetAsync(record.Key, cancel);
            if (held is { } h && (SessionRecord.Newest(h.Record, record) == h.Record || h.Record.Version >= record.Version && !record.Deleted))
            {
                return;
            }

            if (await ReplaceAsync(record, held?.Token, cancel))
            {
                return;
            }
        }
    }

    /// <summary>Sets the entry that tells an app without its sidecar that a session was logged out.</summary>
    public Task SetTombstoneEntryAsync(string rawKey, DateTime expires, CancellationToken cancel) =>
        Watched(async () =>
        {
            await store.SetEverywhereAsync(rawKey, TombstoneValue, Life(expires), cancel);
            return true;
        });

    /// <summary>Whether an entry of the app's is set: that one, or the engine's own of a session.</summary>
    public Task<bool> HasEntryAsync(string rawKey, CancellationToken cancel) =>
        Watched(async () => await store.GetAnywhereAsync(rawKey, cancel));

    /// <summary>Sets a mark of ours that says the cache still is the one it was.</summary>
    public Task SetMarkAsync(string name, CancellationToken cancel) =>
        Watched(async () =>
        {
            await store.SetEverywhereAsync(_prefix + name, TombstoneValue, LongestLife, cancel);
            return true;
        });

    /// <summary>Whether every server still has the mark.</summary>
    public Task<bool> HasMarkAsync(string name, CancellationToken cancel) =>
        Watched(async () => await store.GetEverywhereAsync(_prefix + name, cancel));

    /// <summary>Leaves a word for all pods.</summary>
    public Task SetNoticeAsync(string name, string word, TimeSpan life, CancellationToken cancel) =>
        Watched(async () =>
        {
            await store.SetEverywhereAsync(_prefix + name, Encoding.UTF8.GetBytes(word), life, cancel);
            return true;
        });

    /// <summary>The word that was left last; null if none is in force.</summary>
    public Task<string?> NoticeAsync(string name, CancellationToken cancel) =>
        Watched(async () => await store.GetAsync(_prefix + name, cancel) is { } held ? Encoding.UTF8.GetString(held.Value) : null);

    /// <summary>Deletes an entry of the engine's own, so that nobody reads what the database no longer holds.</summary>
    public Task DeleteEntryAsync(string rawKey, CancellationToken cancel) =>
        Watched(async () =>
        {
            await store.DeleteEverywhereAsync(rawKey, cancel);
            return true;
        });

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private static TimeSpan Life(DateTime expires)
    {
        var life = expires - DateTime.UtcNow + ShortestLife;
        return life < ShortestLife ? ShortestLife : life > LongestLife ? LongestLife : life;
    }

    private async Task<T> Watched<T>(Func<Task<T>> work)
    {
        try
        {
            var result = await work();
            Ok = true;
            return result;
        }
        catch (CacheUnavailableException)
        {
            Ok = false;
            throw;
        }
    }
}
