using System.Text.Json;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>What replay does to one row.</summary>
internal enum RowAction
{
    /// <summary>INSERT unless the key exists.</summary>
    Insert,

    /// <summary>UPDATE all columns if the data is still what replay read.</summary>
    Write,

    /// <summary>UPDATE the expiry if it is later than the row's, and the data is still what replay read: a change brings an expiry of its own.</summary>
    MoveExpiry,

    /// <summary>Nothing: the row is newer, gone, or already as wanted.</summary>
    None,
}

/// <summary>One planned change of a session's row.</summary>
/// <param name="Record">The state to write.</param>
/// <param name="Action">How.</param>
/// <param name="Read">The data replay read, for <see cref="RowAction.Write"/> and <see cref="RowAction.MoveExpiry"/>.</param>
internal sealed record RowChange(SessionRecord Record, RowAction Action, string? Read);

/// <summary>The session table and the rows deferred updates go to. Every call opens, uses and closes one connection.</summary>
/// <remarks>Throws <see cref="RowStoreException"/> when the database cannot do it.</remarks>
internal interface IRowStore
{
    /// <summary>Session data by key, for the keys that have a row.</summary>
    Task<Dictionary<string, string>> ReadAsync(IReadOnlyCollection<string> keys, CancellationToken cancel);

    Task DeleteAsync(IReadOnlyCollection<string> keys, CancellationToken cancel);

    /// <summary>Applies all or none; says for each whether a row was changed.</summary>
    Task<bool[]> ApplyAsync(IReadOnlyList<RowChange> changes, CancellationToken cancel);

    /// <summary>Updates a row of another table unless it holds a later value.</summary>
    Task UpdateAsync(RowUpdate update, CancellationToken cancel);
}

/// <summary>The database did not carry out a replay.</summary>
internal sealed class RowStoreException : Exception
{
    public RowStoreException(string message, bool unavailable, Exception inner) : base(message, inner) => Unavailable = unavailable;

    /// <summary>The database cannot be written now; otherwise it refused these very values.</summary>
    public bool Unavailable { get; }
}
