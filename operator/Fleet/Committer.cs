using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// Makes one database's decisions lasting: what the supervisor proposes is in force once the store holds it, and what another
/// replica has stored is in force here. Owned by the controller's loop.
/// </summary>
internal sealed partial class Committer(string database, IDecisionStore store, Clock clock, DatabaseMetrics metrics, ILogger log)
{
    private readonly StoreExchange _exchange = new(database, store, clock);
    private DatabaseState? _proposed;
    private StoredState? _storedByOthers;
    private bool _storeReached = true;
    private bool _storeIsBehind;

    /// <summary>Completes when the request in flight has an answer; null when there is none.</summary>
    public Task? InFlight => _exchange.InFlight;

    /// <summary>The first read of the store has succeeded.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Called on any thread. Only the newest counts.</summary>
    public void Notice(StoredState stored) => Volatile.Write(ref _storedByOthers, stored);

    /// <summary>Takes in what was noticed.</summary>
    public void Learn(Supervisor supervisor)
    {
        if (Interlocked.Exchange(ref _storedByOthers, null) is { } stored && stored.Version != _exchange.Version)
        {
            Learn(stored, supervisor);
        }
    }

    /// <summary>Collects what the store answered and begins the next request, until there is nothing to do or to wait for.</summary>
    public void Decide(Supervisor supervisor, CancellationToken cancellation)
    {
        try
        {
            // Ends: each round either commits one step or learns of somebody else's.
            while (true)
            {
                if (_exchange.TryCollect(out var exchanged))
                {
                    TakeIn(exchanged, supervisor);
                }
                if (!_exchange.IsFree)
                {
                    return;
                }
                if (!IsReady)
                {
                    _exchange.Read(cancellation);
                }
                else if (supervisor.Propose(clock.Now) is var next && (!ReferenceEquals(next, supervisor.State) || _storeIsBehind))
                {
                    // A store that was set back, from a backup say, gets what is in force: epochs never go back.
                    _storeIsBehind = false;
                    // What is tried again is the same decision: when an answer was lost, what is stored is recognised as ours.
                    _proposed = IsRepetition(next, supervisor) ? _proposed! : next;
                    _exchange.Write(_proposed, cancellation);
                }
                else
                {
                    return;
                }
            }
        }
        catch (DecisionStoreUnavailableException unavailable) when (!cancellation.IsCancellationRequested)
        {
            if (_storeReached)
            {
                _storeReached = false;
                StoreGone(database, unavailable.Message);
            }
        }
    }

    private bool IsRepetition(DatabaseState next, Supervisor supervisor) =>
        _proposed?.Decision is { } before && next.Decision is var now && now.Epoch > supervisor.State.Decision.Epoch
        && (before.Epoch, before.Phase, before.Mode, before.Cause) == (now.Epoch, now.Phase, now.Mode, now.Cause);

    private void TakeIn(Exchanged exchanged, Supervisor supervisor)
    {
        if (!_storeReached)
        {
            _storeReached = true;
            StoreBack(database);
        }
        IsReady = true;
        if (exchanged.Current is not { } current)
        {
            return;
        }
        _exchange.Version = current.Version;
        Learn(current, supervisor);
    }

    /// <summary>What is stored now may be our own proposal, known before the answer to our write, or without one.</summary>
    private void Learn(StoredState stored, Supervisor supervisor)
    {
        if (_proposed?.Decision is { } ours && stored.State.Decision is var theirs
            && (ours.Epoch, ours.Since, ours.Reason) == (theirs.Epoch, theirs.Since, theirs.Reason))
        {
            _exchange.Version = stored.Version;
            Commit(_proposed, supervisor);
        }
        else
        {
            Adopt(stored, supervisor);
        }
    }

    private void Commit(DatabaseState next, Supervisor supervisor)
    {
        var before = supervisor.State.Decision;
        supervisor.Adopt(next);
        if (next.Decision.Epoch != before.Epoch)
        {
            metrics.Decided(next.Decision);
            Changed(database, next.Decision.Phase, next.Decision.Mode, next.Decision.Epoch, before.Phase, before.Mode, next.Decision.Reason);
        }
    }

    private void Adopt(StoredState stored, Supervisor supervisor)
    {
        var before = supervisor.State.Decision;
        _exchange.Version = stored.Version;
        _storeIsBehind = !supervisor.Adopt(stored.State);
        if (_storeIsBehind)
        {
            return;
        }
        var now = stored.State.Decision;
        if (now.Epoch != before.Epoch)
        {
            Changed(database, now.Phase, now.Mode, now.Epoch, before.Phase, before.Mode, now.Reason);
        }
    }

    [LoggerMessage(
        EventId = 1, Level = LogLevel.Information,
        Message = "{Database} is {Phase}, apps are told {Mode} (epoch {Epoch}; was {OldPhase}, {OldMode}): {Reason}")]
    private partial void Changed(string database, Phase phase, Mode mode, ulong epoch, Phase oldPhase, Mode oldMode, string reason);

    [LoggerMessage(
        EventId = 3, Level = LogLevel.Error,
        Message = "{Database}: the decision cannot be stored ({Why}); the fleet stays in its mode, retrying")]
    private partial void StoreGone(string database, string why);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "{Database}: decisions can be stored again")]
    private partial void StoreBack(string database);
}
