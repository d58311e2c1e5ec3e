using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Fleet;

/// <summary>What came back from the store.</summary>
/// <param name="Current">What is stored now; null when nothing is.</param>
/// <param name="Ours">It is what we wrote.</param>
internal readonly record struct Exchanged(StoredState? Current, bool Ours);

/// <summary>
/// One controller's traffic with the store: at most one request at a time, beside the loop and not in it, so that a store
/// that hangs holds up no ack and no renewal; after a failure a pause that grows. Owned by the controller's loop.
/// </summary>
internal sealed class StoreExchange(string database, IDecisionStore store, Clock clock)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private Task<Exchanged>? _request;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;
    private TimeSpan _pause = s_firstPause;

    /// <summary>Completes when the request in flight has an answer; null when there is none.</summary>
    public Task? InFlight => _request;

    /// <summary>The version that a write has to name.</summary>
    public string? Version { get; set; }

    /// <summary>Nothing is in flight and no pause has to be kept.</summary>
    public bool IsFree => _request is null && clock.Now >= _notBefore;

    public void Read(CancellationToken cancellation) => _request = ReadAsync(cancellation);

    public void Write(DatabaseState next, CancellationToken cancellation) => _request = WriteAsync(next, cancellation);

    /// <summary>False while the answer is not there; throws what the request threw.</summary>
    /// <exception cref="DecisionStoreUnavailableException"/>
    public bool TryCollect(out Exchanged exchanged)
    {
        exchanged = default;
        if (_request is not { IsCompleted: true } done)
        {
            return false;
        }
        _request = null;
        try
        {
            exchanged = done.GetAwaiter().GetResult();
            _pause = s_firstPause;
            return true;
        }
        catch (DecisionStoreUnavailableException)
        {
            // Shortened at random, so that replicas do not come back together.
            _notBefore = clock.Now + (_pause * (0.5 + (Random.Shared.NextDouble() / 2)));
            _pause = _pause * 2 < s_longestPause ? _pause * 2 : s_longestPause;
            throw;
        }
    }

    private async Task<Exchanged> ReadAsync(CancellationToken cancellation) =>
        new(await store.ReadAsync(database, cancellation), false);

    private async Task<Exchanged> WriteAsync(DatabaseState next, CancellationToken cancellation)
    {
        var outcome = await store.TryWriteAsync(database, Version, next, cancellation);
        return new Exchanged(outcome.Current, outcome.Written);
    }
}
