using Prometheus;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;
using SessionOperator.Protocol.Fleet;
using Decision = SessionOperator.Operator.Decisions.Decision;

namespace SessionOperator.Operator.Metrics;

/// <summary>The metrics of one database. Called from its controller's loop only.</summary>
internal sealed class DatabaseMetrics
{
    private static readonly TimeSpan s_stale = TimeSpan.FromSeconds(10);
    private readonly OperatorMetrics _all;
    private readonly string _database;
    private readonly RecordTotals _records = new();

    public DatabaseMetrics(OperatorMetrics all, string database)
    {
        (_all, _database) = (all, database);
        // From 0 on: Prometheus sees no increase in a counter that begins with 1, and no alert would fire.
        foreach (var outcome in new[] { "rescued", "replayed", "dropped" })
        {
            all.Records.WithLabels(database, outcome).Publish();
        }
        foreach (var outcome in new[] { "kept", "refused" })
        {
            all.Handovers.WithLabels(database, outcome).Publish();
        }
        all.Stranded.WithLabels(database).Publish();
    }

    public void Show(Supervisor supervisor, DateTimeOffset now)
    {
        var decision = supervisor.State.Decision;
        foreach (var phase in Enum.GetValues<Phase>())
        {
            _all.Phase.WithLabels(_database, phase.ToString()).Set(phase == decision.Phase ? 1 : 0);
        }
        foreach (var mode in Enum.GetValues<Mode>())
        {
            _all.Mode.WithLabels(_database, mode.ToString()).Set(mode == decision.Mode ? 1 : 0);
        }
        _all.Epoch.WithLabels(_database).Set(decision.Epoch);
        // Ours alone: the sum over the replicas is the fleet.
        var fleet = supervisor.Own();
        _all.Fleet.WithLabels(_database, "connected").Set(fleet.Connected);
        _all.Fleet.WithLabels(_database, "acked").Set(fleet.Acked);
        _all.Fleet.WithLabels(_database, "stale").Set(supervisor.Members.Count(m => now - m.HeardAt > s_stale));
        _all.Fleet.WithLabels(_database, "autonomous").Set(supervisor.Members.Count(m => m.Autonomous));
        _all.Fleet.WithLabels(_database, "prober").Set(fleet.Probers.Count);
        _all.Unsaved.WithLabels(_database).Set(fleet.Unsaved);
        var complaints = supervisor.Seen.Complaints.Values;
        _all.Condition.WithLabels(_database, "Misconfigured").Set(complaints.Any(c => c.Kind == SignalKind.Misconfigured) ? 1 : 0);
        _all.Condition.WithLabels(_database, "Saturated").Set(complaints.Any(c => c.Kind == SignalKind.Saturated) ? 1 : 0);
    }

    public void Decided(Decision decision)
    {
        _all.Transitions.WithLabels(_database, decision.Phase.ToString(), decision.Mode.ToString(), decision.Cause.ToString()).Inc();
        if (decision.FirstSignalAt is { } first)
        {
            _all.SignalToDecision.WithLabels(_database).Observe(Math.Max(0, (decision.Since - first).TotalSeconds));
        }
    }

    public void Acked(Supervisor supervisor, Member member, ulong epoch, DateTimeOffset now)
    {
        var decision = supervisor.State.Decision;
        // Who joined later had no chance to be quick.
        if (epoch == decision.Epoch && member.Acked != epoch && member.JoinedAt <= decision.Since)
        {
            _all.DecisionToAck.WithLabels(_database).Observe((now - decision.Since).TotalSeconds);
        }
    }

    public void Heard(Signal signal)
    {
        if (signal.Origin == SignalOrigin.Probe)
        {
            _all.Probes.WithLabels(_database, signal.Kind.ToString()).Inc();
        }
        else if (signal.Origin == SignalOrigin.App)
        {
            _all.RefusedSaves.WithLabels(_database, signal.Kind.ToString()).Inc();
        }
    }

    /// <summary>A batch that one sidecar handed to another: kept or refused. Called on any thread.</summary>
    public void HandedOver(string outcome) => _all.Handovers.WithLabels(_database, outcome).Inc();

    /// <summary>Unsaved changes that left with their sidecar. Called on any thread.</summary>
    public void Stranded(ulong records) => _all.Stranded.WithLabels(_database).Inc(records);

    /// <summary>Counts what a sidecar has done since its last report, and returns it.</summary>
    /// <param name="id">The sidecar.</param>
    /// <param name="status">Its report.</param>
    /// <param name="counted">It obeyed an operator before it connected here.</param>
    public Records Reported(string id, Status status, bool counted)
    {
        var records = _records.Since(id, status, counted);
        _all.Records.WithLabels(_database, "rescued").Inc(records.Rescued);
        _all.Records.WithLabels(_database, "replayed").Inc(records.Replayed);
        _all.Records.WithLabels(_database, "dropped").Inc(records.Dropped);
        return records;
    }
}
