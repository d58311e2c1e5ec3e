using System.Threading.Channels;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// The loop of one database: takes in what arrives, lets the supervisor decide, writes the decision to the store,
/// tells the fleet. Everything happens on this loop, one thing after the other, so nothing needs a lock.
/// </summary>
/// <param name="database">"namespace/name".</param>
/// <param name="policy">What the user chose.</param>
/// <param name="timings">How long to wait for whom.</param>
/// <param name="store">Where decisions live.</param>
/// <param name="clock">Times decisions.</param>
/// <param name="time">Times waits.</param>
/// <param name="metrics">The database's.</param>
/// <param name="log">For people.</param>
/// <param name="peers">The other replicas; null where there are none.</param>
/// <param name="stranded">Hears of changes that leave with their sidecar; null where nobody asks.</param>
internal sealed partial class DatabaseController(
    string database, Policy policy, FleetTimings timings, IDecisionStore store, Clock clock, TimeProvider time,
    DatabaseMetrics metrics, ILogger log, Peers? peers = null, Action<StrandedChanges>? stranded = null) : BackgroundService
{
    private readonly Channel<Input> _inputs = Channel.CreateBounded<Input>(
        new BoundedChannelOptions(1024) { SingleReader = true });
    private readonly Supervisor _supervisor = new(policy, DatabaseState.Initial(clock.Now), peers?.Others);
    private readonly Announcer _announcer = new(policy.Fallback, timings);
    private readonly StoreExchange _exchange = new(database, store, clock);
    private DatabaseState? _proposed;
    private StoredState? _storedByOthers;
    private bool _storeReached = true;
    private bool _storeIsBehind;
    private bool _closed;
    private DateTimeOffset _turnedAt = clock.Now;
    private DateTimeOffset _showAt;
    private ulong _shownEpoch;

    public string Database => database;

    /// <summary>Passes handovers on between the sidecars connected here; beside the loop, which they do not concern.</summary>
    public Relay Relay { get; } = new(database, time, metrics, log, stranded);

    public DateTimeOffset Now => clock.Now;

    /// <summary>The loop has turned lately; it does so many times a second.</summary>
    public bool IsAlive => clock.Now - _turnedAt < TimeSpan.FromSeconds(5);

    /// <summary>The first read of the store has succeeded.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Waits while the loop has too much to do. False when the loop has ended.</summary>
    public async ValueTask<bool> Post(Input input, CancellationToken cancellation)
    {
        while (await _inputs.Writer.WaitToWriteAsync(cancellation))
        {
            if (_inputs.Writer.TryWrite(input))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Ends the streams, saying why, and then the loop.</summary>
    public async Task EndAsync(string reason)
    {
        await Post(new Input.Closing(reason), CancellationToken.None);
        await StopAsync(CancellationToken.None);
    }

    /// <summary>A signal from elsewhere than a sidecar.</summary>
    public ValueTask<bool> Post(Signal signal, CancellationToken cancellation) => Post(new Input.Seen(null, signal), cancellation);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changes = store.Subscribe(database, Noticed);
        using var board = peers?.Subscribe(Wake);
        using var timer = new PeriodicTimer(timings.Tick, time);
        Task<bool>? arrived = null;
        Task<bool>? ticked = null;
        try
        {
            while (true)
            {
                Turn(ticked is null || ticked.IsCompleted, stoppingToken);
                arrived = arrived is { IsCompleted: false } ? arrived : _inputs.Reader.WaitToReadAsync(stoppingToken).AsTask();
                ticked = ticked is { IsCompleted: false } ? ticked : timer.WaitForNextTickAsync(stoppingToken).AsTask();
                await Task.WhenAny(new[] { arrived, ticked, _exchange.InFlight, peers?.InFlight }.OfType<Task>());
                stoppingToken.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop. Streams end on their own; the sidecars keep the mode as long as its lease holds.
        }
        finally
        {
            _inputs.Writer.Complete();
            // The word to close is the last one and may have come with the order to stop.
            while (_inputs.Reader.TryRead(out var input))
            {
                if (input is Input.Closing closing)
                {
                    _announcer.EndAll(closing.Reason);
                    _closed = true;
                }
            }
        }
        if (peers is not null && !_closed)
        {
            await peers.LeaveAsync(_supervisor);
        }
    }

    /// <summary>Called on any thread. Only the newest counts.</summary>
    private void Noticed(StoredState stored)
    {
        Volatile.Write(ref _storedByOthers, stored);
        Wake();
    }

    /// <summary>If there is no room, the loop is awake anyway.</summary>
    private void Wake() => _inputs.Writer.TryWrite(Input.Nothing.Instance);

    private void Turn(bool tick, CancellationToken cancellation)
    {
        while (_inputs.Reader.TryRead(out var input))
        {
            TakeIn(input);
        }
        if (Interlocked.Exchange(ref _storedByOthers, null) is { } stored && stored.Version != _exchange.Version)
        {
            Learn(stored);
        }
        peers?.Listen(_supervisor);
        Decide(cancellation);
        _supervisor.Direct(clock.Now);
        _announcer.Tell(_supervisor, clock.Now, tick);
        if (IsReady)
        {
            peers?.Tell(_supervisor, cancellation);
        }
        _turnedAt = clock.Now;
        if (tick && (_turnedAt >= _showAt || _shownEpoch != _supervisor.State.Decision.Epoch))
        {
            _shownEpoch = _supervisor.State.Decision.Epoch;
            _showAt = _turnedAt + timings.Show;
            metrics.Show(_supervisor, _turnedAt);
        }
    }

    private void TakeIn(Input input)
    {
        switch (input)
        {
            case Input.Joined joined:
                Join(joined);
                break;
            case Input.Left left:
                if (_announcer.Remove(left.Connection))
                {
                    _supervisor.Leave(left.Connection.Id);
                }
                break;
            case Input.Acked acked when _announcer.Has(acked.Connection):
                metrics.Acked(_supervisor, acked.Connection.Member!, acked.Epoch, clock.Now);
                _supervisor.Ack(acked.Connection.Id, acked.Epoch, clock.Now);
                break;
            case Input.Reported reported when _announcer.Has(reported.Connection):
                Report(reported.Connection, reported.Status);
                break;
            case Input.Repoliced repoliced:
                (_supervisor.Policy, _announcer.Fallback) = (repoliced.Policy, repoliced.Policy.Fallback);
                break;
            case Input.Closing closing:
                _announcer.EndAll(closing.Reason);
                _closed = true;
                break;
            case Input.Seen seen when seen.Connection is null || _announcer.Has(seen.Connection):
                metrics.Heard(seen.Signal);
                _supervisor.Observe(seen.Signal);
                break;
        }
    }

    private void Join(Input.Joined joined)
    {
        var (connection, hello) = (joined.Connection, joined.Hello);
        if (_supervisor.Members.Any(m => m.Name == connection.Pod && m.Id != connection.Id))
        {
            SameName(database, connection.Pod);
        }
        connection.Member = _supervisor.Join(connection.Id, connection.Pod, Checks.Claim(hello), clock.Now);
        _announcer.Add(connection);
        if (hello.Status is { } status)
        {
            Report(connection, status, counted: hello.Epoch > 0);
        }
    }

    private void Report(Connection connection, Protocol.Fleet.Status status, bool counted = false)
    {
        var records = metrics.Reported(connection.Id, status, counted);
        peers?.Count(records, _supervisor);
        _supervisor.Report(
            connection.Id, status.Unsaved, status.AdapterLoaded, status.Autonomous, clock.Now, Checks.Line(status.FallbackLimit, Checks.MaxDetail),
            status.AdapterInPlace);
    }

    /// <summary>Collects what the store answered and begins the next request, until there is nothing to do or to wait for.</summary>
    private void Decide(CancellationToken cancellation)
    {
        try
        {
            // Ends: each round either commits one step or learns of somebody else's.
            while (true)
            {
                if (_exchange.TryCollect(out var exchanged))
                {
                    TakeIn(exchanged);
                }
                if (!_exchange.IsFree)
                {
                    return;
                }
                if (!IsReady)
                {
                    _exchange.Read(cancellation);
                }
                else if (_supervisor.Propose(clock.Now) is var next && (!ReferenceEquals(next, _supervisor.State) || _storeIsBehind))
                {
                    // A store that was set back, from a backup say, gets what is in force: epochs never go back.
                    _storeIsBehind = false;
                    // What is tried again is the same decision: when an answer was lost, what is stored is recognised as ours.
                    _proposed = IsRepetition(next) ? _proposed! : next;
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

    private bool IsRepetition(DatabaseState next) =>
        _proposed?.Decision is { } before && next.Decision is var now && now.Epoch > _supervisor.State.Decision.Epoch
        && (before.Epoch, before.Phase, before.Mode, before.Cause) == (now.Epoch, now.Phase, now.Mode, now.Cause);

    private void TakeIn(Exchanged exchanged)
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
        Learn(current);
    }

    /// <summary>What is stored now may be our own proposal, known before the answer to our write, or without one.</summary>
    private void Learn(StoredState stored)
    {
        if (_proposed?.Decision is { } ours && stored.State.Decision is var theirs
            && (ours.Epoch, ours.Since, ours.Reason) == (theirs.Epoch, theirs.Since, theirs.Reason))
        {
            _exchange.Version = stored.Version;
            Commit(_proposed);
        }
        else
        {
            Adopt(stored);
        }
    }

    private void Commit(DatabaseState next)
    {
        var before = _supervisor.State.Decision;
        _supervisor.Adopt(next);
        if (next.Decision.Epoch != before.Epoch)
        {
            metrics.Decided(next.Decision);
            Changed(database, next.Decision.Phase, next.Decision.Mode, next.Decision.Epoch, before.Phase, before.Mode, next.Decision.Reason);
        }
    }

    private void Adopt(StoredState stored)
    {
        var before = _supervisor.State.Decision;
        _exchange.Version = stored.Version;
        _storeIsBehind = !_supervisor.Adopt(stored.State);
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
}
