using Prometheus;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;
using SessionOperator.Protocol.Fleet;
using Decision = SessionOperator.Operator.Decisions.Decision;

namespace SessionOperator.Operator.Metrics;

/// <summary>The metrics of one database. Called from its controller's loop only.</summary>
internal sealed class DatabaseMetrics(OperatorMetrics all, string database)
{
    private static readonly TimeSpan s_stale = TimeSpan.FromSeconds(10);
    private readonly RecordTotals _records = new();

    public void Show(Supervisor supervisor, DateTimeOffset now)
    {
        var decision = supervisor.State.Decision;
        foreach (var phase in Enum.GetValues<Phase>())
        {
            all.Phase.WithLabels(database, phase.ToString()).Set(phase == decision.Phase ? 1 : 0);
        }
        foreach (var mode in Enum.GetValues<Mode>())
        {
            all.Mode.WithLabels(database, mode.ToString()).Set(mode == decision.Mode ? 1 : 0);
        }
        all.Epoch.WithLabels(database).Set(decision.Epoch);
        // Ours alone: the sum over the replicas is the fleet.
        var fleet = supervisor.Own();
        all.Fleet.WithLabels(database, "connected").Set(fleet.Connected);
        all.Fleet.WithLabels(database, "acked").Set(fleet.Acked);
        all.Fleet.WithLabels(database, "stale").Set(supervisor.Members.Count(m => now - m.HeardAt > s_stale));
        all.Fleet.WithLabels(database, "autonomous").Set(supervisor.Members.Count(m => m.Autonomous));
        all.Fleet.WithLabels(database, "prober").Set(fleet.Probers.Count);
        all.Unsaved.WithLabels(database).Set(fleet.Unsaved);
        var complaints = supervisor.Seen.Complaints.Values;
        all.Condition.WithLabels(database, "Misconfigured").Set(complaints.Any(c => c.Kind == SignalKind.Misconfigured) ? 1 : 0);
        all.Condition.WithLabels(database, "Saturated").Set(complaints.Any(c => c.Kind == SignalKind.Saturated) ? 1 : 0);
    }

    public void Decided(Decision decision)
    {
        all.Transitions.WithLabels(database, decision.Phase.ToString(), decision.Mode.ToString(), decision.Cause.ToString()).Inc();
        if (decision.FirstSignalAt is { } first)
        {
            all.SignalToDecision.WithLabels(database).Observe(Math.Max(0, (decision.Since - first).TotalSeconds));
        }
    }

    public void Acked(Supervisor supervisor, Member member, ulong epoch, DateTimeOffset now)
    {
        var decision = supervisor.State.Decision;
        // Who joined later had no chance to be quick.
        if (epoch == decision.Epoch && member.Acked != epoch && member.JoinedAt <= decision.Since)
        {
            all.DecisionToAck.WithLabels(database).Observe((now - decision.Since).TotalSeconds);
        }
    }

    public void Heard(Signal signal)
    {
        if (signal.Origin == SignalOrigin.Probe)
        {
            all.Probes.WithLabels(database, signal.Kind.ToString()).Inc();
        }
        else if (signal.Origin == SignalOrigin.App)
        {
            all.RefusedSaves.WithLabels(database, signal.Kind.ToString()).Inc();
        }
    }

    /// <summary>A batch that one sidecar handed to another: kept or refused. Called on any thread.</summary>
    public void HandedOver(string outcome) => all.Handovers.WithLabels(database, outcome).Inc();

    /// <summary>Unsaved changes that left with their sidecar. Called on any thread.</summary>
    public void Stranded(ulong records) => all.Stranded.WithLabels(database).Inc(records);

    /// <summary>Counts what a sidecar has done since its last report, and returns it.</summary>
    /// <param name="id">The sidecar.</param>
    /// <param name="status">Its report.</param>
    /// <param name="counted">It obeyed an operator before it connected here.</param>
    public Records Reported(string id, Status status, bool counted)
    {
        var records = _records.Since(id, status, counted);
        all.Records.WithLabels(database, "rescued").Inc(records.Rescued);
        all.Records.WithLabels(database, "replayed").Inc(records.Replayed);
        all.Records.WithLabels(database, "dropped").Inc(records.Dropped);
        return records;
    }
}
