using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.State;

/// <summary>A state as it is stored, with the version a change of it must name.</summary>
public sealed record StoredState(string Version, DatabaseState State);

/// <summary>What became of a write.</summary>
/// <param name="Written">False when somebody else's write came first; decide again on <paramref name="Current"/>.</param>
/// <param name="Current">What is stored now.</param>
public readonly record struct WriteOutcome(bool Written, StoredState Current);

/// <summary>The store cannot be reached at the moment; what is in force stays, and the write is tried again later.</summary>
public sealed class DecisionStoreUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Where the decision lives that all replicas obey. Any replica may propose; a compare-and-swap on the version
/// decides whose transition it is.
/// </summary>
public interface IDecisionStore
{
    /// <summary>Null when nothing has been stored yet.</summary>
    /// <exception cref="DecisionStoreUnavailableException"/>
    ValueTask<StoredState?> ReadAsync(string database, CancellationToken cancellation);

    /// <param name="database">"namespace/name".</param>
    /// <param name="expectedVersion">The version that is being replaced; null when nothing is stored yet.</param>
    /// <param name="next">What to store.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="DecisionStoreUnavailableException"/>
    ValueTask<WriteOutcome> TryWriteAsync(
        string database, string? expectedVersion, DatabaseState next, CancellationToken cancellation);

    /// <summary>Calls back, on any thread and quickly, after every write by anyone. Dispose to end.</summary>
    IDisposable Subscribe(string database, Action<StoredState> changed);
}
