using System.Text.Json;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>Fingerprint of the part of a row's session data that does not depend on the moment of signing.</summary>
/// <param name="Length">Bytes of UTF-8 the hash covers, from the start.</param>
/// <param name="Sha256">Base64 of the SHA-256 of those bytes.</param>
public sealed record Fingerprint(int Length, string Sha256);

/// <summary>
/// One session as acknowledged during an outage: the value of the shared cache's record and of the journal's.
/// Session data is opaque here; it is stored, compared and written, never decoded.
/// </summary>
public sealed record SessionRecord
{
    public required string Key { get; init; }

    /// <summary>Orders the writes of one session across pods; grows by one with each, by compare-and-swap in the shared cache.</summary>
    public required long Version { get; init; }

    /// <summary>Logged out: wins over every other record of the key.</summary>
    public bool Deleted { get; init; }

    /// <summary>
    /// Created during the outage, or of an end that was refused after it may have deleted the row: replay may INSERT it. Otherwise replay
    /// only updates.
    /// </summary>
    public bool Born { get; init; }

    /// <summary>Holds data the database has not seen; otherwise only the expiry moved.</summary>
    public bool Dirty { get; init; }

    /// <summary>The database has it. Kept in the shared cache so that an older copy elsewhere is recognised as old.</summary>
    public bool Clean { get; init; }

    /// <summary>All columns but the key, as the framework would write them.</summary>
    public Dictionary<string, JsonElement>? Columns { get; init; }

    /// <summary>When the session, or for a tombstone the last cookie with this key, expires (UTC).</summary>
    public DateTime Expires { get; init; }

    /// <summary>The row this chain of changes began from; null if unknown.</summary>
    public Fingerprint? Base { get; init; }

    /// <summary>The states of this chain, oldest first: what the row may hold if an earlier replay or a lost answer wrote it.</summary>
    public List<Fingerprint>? Lineage { get; init; }

    /// <summary>Some pod may have been in Normal when it was made and may have written the row since: the row is asked before this is believed.</summary>
    public bool Apart { get; init; }

    /// <summary>The operator's epoch when it was acknowledged.</summary>
    public ulong Epoch { get; init; }

    /// <summary>Raw key of the engine's own cache entry.</summary>
    public string? CacheEntry { get; init; }

    /// <summary>Raw key of the cache entry that tells an app without a sidecar "logged out".</summary>
    public string? TombstoneEntry { get; init; }

    /// <summary>Raw key of the cache entry in which an app without a sidecar says that its engine saved the session.</summary>
    public string? SavedEntry { get; init; }

    /// <summary>The session data; null if the record holds none.</summary>
    /// <param name="column">Name of the column that holds it.</param>
    public string? Data(string column) =>
        Columns is not null && Columns.TryGetValue(column, out var data) && data.ValueKind == JsonValueKind.String ? data.GetString() : null;

    /// <summary>The end of the session, after this state of it.</summary>
    public SessionRecord Ended() => this with { Deleted = true, Version = Version + 1, Columns = null };

    /// <summary>Whether a pod in Normal may have written the row since, as far as can be told in this pod.</summary>
    /// <param name="answered">This pod has seen the database answer while there may have been such pods.</param>
    /// <param name="own">Version of this pod's own record: of another pod's it is not known what that pod has seen.</param>
    public bool MayBePassed(bool answered, long? own) => Apart && (answered || own != Version);

    /// <summary>The later of two states of one session: a tombstone first, then the higher version.</summary>
    public static SessionRecord? Newest(SessionRecord? a, SessionRecord? b)
    {
        if (a is null || b is null)
        {
            return a ?? b;
        }

        if (a.Deleted != b.Deleted)
        {
            return a.Deleted ? a : b;
        }

        return b.Version > a.Version ? b : a;
    }
}

/// <summary>A deferred update of one row of another table; the newest value wins.</summary>
public sealed record RowUpdate
{
    public required string Table { get; init; }
    public required string KeyColumn { get; init; }
    public required JsonElement Key { get; init; }
    public required Dictionary<string, JsonElement> Columns { get; init; }

    /// <summary>Orders updates of one row within this journal.</summary>
    public long Version { get; init; }

    /// <summary>Identity of the row, for "one update a row".</summary>
    public string Identity => $"{Table}\n{KeyColumn}\n{Key.GetRawText()}";
}
