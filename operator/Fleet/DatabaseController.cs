using System.Threading.Channels;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// The loop of one database: takes in what arrives, lets the supervisor decide, has the decision stored, tells the
/// fleet. Everything happens on this loop, one thing after the other, so nothing needs a lock.
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
    private readonly Committer _committer = new(database, store, clock, metrics, log);
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
    public bool IsReady => _committer.IsReady;

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
        using var changes = store.Subscribe(database, stored =>
        {
            _committer.Notice(stored);
            Wake();
        });
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
                await Task.WhenAny(new[] { arrived, ticked, _committer.InFlight, peers?.InFlight }.OfType<Task>());
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

    /// <summary>If there is no room, the loop is awake anyway.</summary>
    private void Wake() => _inputs.Writer.TryWrite(Input.Nothing.Instance);

    private void Turn(bool tick, CancellationToken cancellation)
    {
        while (_inputs.Reader.TryRead(out var input))
        {
            TakeIn(input);
        }
        _committer.Learn(_supervisor);
        peers?.Listen(_supervisor);
        _committer.Decide(_supervisor, cancellation);
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

    [LoggerMessage(
        EventId = 2, Level = LogLevel.Warning,
        Message = "{Database}: two sidecars say they are pod {Pod}; if both live, give each its own --pod")]
    private partial void SameName(string database, string pod);
}
