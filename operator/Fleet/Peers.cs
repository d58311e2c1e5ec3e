using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// One database's traffic with the other replicas: reads what they write, and writes what they have to know, one request at a
/// time and beside the loop. Owned by the controller's loop.
/// </summary>
internal sealed partial class Peers(string database, IFleetBoard board, ReplicaTimings timings, Clock clock, ILogger log)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);
    private readonly HashSet<(string, string)> _inherited = [];
    private readonly OutageLedger _ledger = new();
    private SessionDatabaseStatus? _read;
    private FleetUpdate? _inFlight;
    private Task? _request;
    private FleetUpdate? _written;
    private DateTimeOffset _sentAt;
    private DateTimeOffset? _answeredAt;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;
    private TimeSpan _pause = s_firstPause;
    private bool _reached = true;

    public OtherReplicas Others { get; } = new(board.Self, Guid.NewGuid().ToString("N")[..12], timings);

    /// <summary>Completes when the request in flight has an answer; null when there is none.</summary>
    public Task? InFlight => _request;

    public IDisposable Subscribe(Action changed) => board.Subscribe(database, changed);

    /// <summary>What sidecars report beyond their last report.</summary>
    public void Count(Records records, Supervisor supervisor) =>
        _ledger.Add(records.Rescued, records.Replayed, records.Dropped, supervisor.State.Decision.Mode == Mode.Normal, clock.Now);

    /// <summary>Takes in what has been written, and the answer to our own write.</summary>
    public void Listen(Supervisor supervisor)
    {
        var answered = Collect();
        if (board.Newest(database) is { } newest && !ReferenceEquals(newest, _read))
        {
            Read(newest, supervisor);
        }
        if (answered)
        {
            // We have seen what stands there since the write was sent. What lies long before it we have not seen.
            var now = _sentAt;
            if (_answeredAt is { } before)
            {
                var most = timings.Beat(Outage(supervisor)) * 1.5;
                Others.Saw(now - before < most ? now - before : most);
            }
            _answeredAt = now;
        }
        _ledger.See(supervisor.State);
    }

    /// <summary>Writes when it is time to.</summary>
    public void Tell(Supervisor supervisor, CancellationToken cancellation)
    {
        if (_request is not null || clock.Now < _notBefore)
        {
            return;
        }
        var entry = Entry(supervisor);
        var summary = Others.IsFirst ? Summary(supervisor) : null;
        var last = _written?.Fleet[board.Self];
        if (!ReportCadence.IsDue(
            entry, last, clock.Now - _sentAt, Outage(supervisor), summary is not null && summary != Shown(), timings))
        {
            return;
        }
        var fleet = new Dictionary<string, FleetEntry?>();
        if (summary is not null)
        {
            foreach (var (name, dropped) in Others.Dropped)
            {
                fleet[name] = null;
                if (_inherited.Add((name, dropped.Instance)))
                {
                    _ledger.Inherit(dropped);
                }
            }
            (entry, summary) = (Entry(supervisor), Summary(supervisor));
        }
        fleet[board.Self] = entry;
        Send(new FleetUpdate(fleet, summary), cancellation);
    }

    /// <summary>The last word of a replica that stops: its sidecars are on their way.</summary>
    public async Task LeaveAsync(Supervisor supervisor)
    {
        using var deadline = new CancellationTokenSource(s_farewell);
        try
        {
            if (_request is { } request)
            {
                // The order to stop cuts it off; what became of it, what is said now is newer.
                await request.WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            var last = new FleetUpdate(new Dictionary<string, FleetEntry?> { [board.Self] = Entry(supervisor) with { Leaving = true, Probe = null } }, null);
            await board.WriteAsync(database, last, deadline.Token);
        }
        catch (Exception late) when (late is DecisionStoreUnavailableException or OperationCanceledException)
        {
            Unsaid(database, late.Message);
        }
    }

    private static bool Outage(Supervisor supervisor) => supervisor.State.Decision.Mode != Mode.Normal;

    private void Read(SessionDatabaseStatus newest, Supervisor supervisor)
    {
        var first = _read is null;
        _read = newest;
        var fleet = newest.Fleet ?? new Dictionary<string, FleetEntry>();
        var ours = fleet.GetValueOrDefault(board.Self);
        if (first && ours is not null && ours.Instance != Others.Instance)
        {
            _ledger.Inherit(ours);
        }
        if (_written is not null && _inFlight is null && ours?.Instance != Others.Instance)
        {
            // Somebody took us for gone and took over what we had counted.
            _ledger.HandedOn();
            _written = null;
        }
        supervisor.Learn(fleet, clock.Now);
    }

    private void Send(FleetUpdate update, CancellationToken cancellation)
    {
        _sentAt = clock.Now;
        _inFlight = update;
        _request = board.WriteAsync(database, update, cancellation);
    }

    /// <summary>True when our write was answered.</summary>
    private bool Collect()
    {
        if (_request is not { IsCompleted: true } done)
        {
            return false;
        }
        _request = null;
        var update = _inFlight;
        _inFlight = null;
        try
        {
            done.GetAwaiter().GetResult();
            (_written, _pause) = (update, s_firstPause);
            if (!_reached)
            {
                _reached = true;
                Back(database);
            }
            return true;
        }
        catch (OperationCanceledException)
        {
            // Told to stop; the last word is said in another way.
            return false;
        }
        catch (DecisionStoreUnavailableException away)
        {
            if (_reached)
            {
                _reached = false;
                Away(database, away.Message);
            }
            // Shortened at random, so that replicas do not come back together.
            _notBefore = clock.Now + (_pause * (0.5 + (Random.Shared.NextDouble() / 2)));
            _pause = _pause * 2 < s_longestPause ? _pause * 2 : s_longestPause;
            return false;
        }
    }

    private FleetEntry Entry(Supervisor supervisor)
    {
        var own = supervisor.Own();
        return new FleetEntry
        {
            Instance = Others.Instance,
            Connected = own.Connected,
            Epoch = supervisor.State.Decision.Epoch,
            Acked = own.Acked,
            Drained = own.Drained,
            Unsaved = own.Unsaved,
            CanProbe = supervisor.Members.Count(member => member.CanProbe),
            Probe = supervisor.LastProbe is { } probe
                ? new ProbeEntry
                {
                    Verdict = probe.Kind.ToString(),
                    At = probe.At,
                    By = probe.ReporterName,
                    Detail = Some(probe.Detail),
                    Server = Some(probe.ServerIdentity),
                    Answers = Some(supervisor.Answers),
                }
                : null,
            Asks = Others.Asks,
            Rescued = _ledger.Rescued,
            Replayed = _ledger.Replayed,
            Lost = _ledger.Lost,
            Outage = _ledger.Outage,
            Misconfigured = Complaint(supervisor, SignalKind.Misconfigured),
            Saturated = Complaint(supervisor, SignalKind.Saturated),
            Limited = supervisor.Members.Where(member => member.Limit.Length > 0).MinBy(member => member.Name, StringComparer.Ordinal) is { } limited
                ? $"{limited.Name}: {limited.Limit}" : null,
            Loaded = supervisor.Members.Count(member => member.Loaded),
            NotLoaded = AdapterRoll.Missing(supervisor.Members, clock.Now),
            Heartbeat = clock.Now,
        };
    }

    private static string? Some(string text) => text.Length > 0 ? text : null;

    private static string? Complaint(Supervisor supervisor, SignalKind kind) =>
        supervisor.Seen.Complaints.Values.Where(complaint => complaint.Kind == kind && !OtherReplicas.IsTheirs(complaint.Reporter))
            .MinBy(complaint => complaint.ReporterName, StringComparer.Ordinal) is { } one
            ? $"{one.ReporterName}: {one.Detail}" : null;

    private FleetSummary Summary(Supervisor supervisor)
    {
        var fleet = supervisor.Fleet();
        return new FleetSummary(fleet.Connected, fleet.Unsaved, _ledger.Sum(_read?.LastOutage, Others.Counting, supervisor.State));
    }

    /// <summary>The summary as it stands there.</summary>
    private FleetSummary? Shown() => _read is { Sidecars: { } sidecars, Unsaved: { } unsaved } ? new FleetSummary(sidecars, unsaved, _read.LastOutage) : null;

    [LoggerMessage(
        EventId = 5, Level = LogLevel.Warning,
        Message = "{Database}: other replicas cannot be told of our sidecars ({Why}); logouts wait for them during an outage, retrying")]
    private partial void Away(string database, string why);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "{Database}: other replicas can be told of our sidecars again")]
    private partial void Back(string database);

    [LoggerMessage(
        EventId = 7, Level = LogLevel.Warning,
        Message = "{Database}: the other replicas could not be told that this one stops ({Why}); they notice it by its silence")]
    private partial void Unsaid(string database, string why);
}
