using System.Collections.Immutable;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>Passed probes in a row within one outage.</summary>
public readonly record struct Streak(DateTimeOffset Outage, int Count, DateTimeOffset First, DateTimeOffset Last)
{
    public TimeSpan Span => Last - First;

    public Streak Extended(DateTimeOffset outage, DateTimeOffset at) =>
        Count > 0 && Outage == outage
            ? this with { Count = Count + 1, First = at < First ? at : First, Last = at > Last ? at : Last }
            : new Streak(outage, 1, at, at);
}

/// <summary>How one sidecar's probes have gone.</summary>
/// <param name="LastAt">Its newest probe, whatever came out.</param>
/// <param name="FailedInRow">Failed probes since its last passed one.</param>
/// <param name="FailingSince">The first of these.</param>
public sealed record ProbeTrack(DateTimeOffset LastAt, int FailedInRow, DateTimeOffset FailingSince);

/// <summary>What this replica has seen and not yet forgotten. Folded from signals, never stored.</summary>
public sealed record Observations
{
    private const int MaxDowns = 32;

    public static readonly Observations None = new();

    /// <summary>When the newest passed probe was made.</summary>
    public DateTimeOffset? NewestUp { get; init; }

    /// <summary>Identity of the server that passed it; empty when unknown.</summary>
    public string Server { get; init; } = "";

    /// <summary>Bad signals that no later passed probe has refuted, oldest first.</summary>
    public ImmutableList<Signal> Downs { get; init; } = [];

    /// <summary>The newest failed probe of a prober.</summary>
    public Signal? ProberFailure { get; init; }

    /// <summary>Probers' passed probes in a row.</summary>
    public Streak Streak { get; init; }

    /// <summary>The same, counting only servers other than the one announced to go.</summary>
    public Streak StreakElsewhere { get; init; }

    public ImmutableDictionary<string, ProbeTrack> Tracks { get; init; } = ImmutableDictionary<string, ProbeTrack>.Empty;

    /// <summary>The newest announcement, or its withdrawal, of each reporter.</summary>
    public ImmutableDictionary<string, Signal> Announcements { get; init; } = ImmutableDictionary<string, Signal>.Empty;

    /// <summary>The newest misconfigured or saturated verdict of each reporter, until it says something else.</summary>
    public ImmutableDictionary<string, Signal> Complaints { get; init; } = ImmutableDictionary<string, Signal>.Empty;

    /// <summary>Takes in one signal.</summary>
    public Observations With(Signal signal, DatabaseState state, Policy policy)
    {
        if (signal.Origin == SignalOrigin.Announcement)
        {
            // The server that will go is the one of that moment: when the announcement is looked at, another may have come.
            var told = this with { Announcements = Announcements.SetItem(signal.Reporter, signal with { ServerIdentity = Server }) };
            // What was committed before the withdrawal may have been committed by the server that was to go.
            return signal.Kind == SignalKind.Withdrawn ? told.WithoutStreaks() : told;
        }
        var seen = signal.Kind == SignalKind.Stopped ? WithoutStreaks() : this;
        if (signal.Kind is SignalKind.Misconfigured or SignalKind.Saturated)
        {
            seen = seen with { Complaints = Complaints.SetItem(signal.Reporter, signal) };
        }
        else if (signal.Origin == SignalOrigin.Probe)
        {
            seen = seen with { Complaints = Complaints.Remove(signal.Reporter) };
        }
        if (signal.Origin == SignalOrigin.Probe)
        {
            seen = seen.WithProbe(signal, state);
        }
        if (signal.IsDown && !(NewestUp >= signal.At))
        {
            seen = seen with { Downs = seen.Remembering(signal, policy) };
        }
        return seen;
    }

    /// <summary>Drops what a sidecar that has left said about itself; what it saw of the database stays.</summary>
    public Observations Without(string reporter) => this with
    {
        Tracks = Tracks.Remove(reporter),
        Complaints = Complaints.Remove(reporter),
    };

    private Observations WithoutStreaks() => this with { Streak = default, StreakElsewhere = default };

    private Observations WithProbe(Signal probe, DatabaseState state)
    {
        var track = Tracks.GetValueOrDefault(probe.Reporter);
        var failedBefore = track?.FailedInRow ?? 0;
        var next = this with
        {
            Tracks = Tracks.SetItem(probe.Reporter, probe.IsDown
                ? new ProbeTrack(probe.At, failedBefore + 1, failedBefore > 0 ? track!.FailingSince : probe.At)
                : new ProbeTrack(probe.At, 0, probe.At)),
        };
        // Only a committed probe proves that the database takes writes.
        if (probe.Kind == SignalKind.Writable)
        {
            if (!(NewestUp > probe.At))
            {
                next = next with
                {
                    NewestUp = probe.At,
                    Server = probe.ServerIdentity.Length > 0 ? probe.ServerIdentity : Server,
                    Downs = Downs.RemoveAll(down => down.At <= probe.At),
                };
            }
            return probe.FromProber && state.OutageSince is { } outage && probe.At >= outage
                ? next.WithPassedProbe(probe, outage, state.Announced)
                : next;
        }
        if (!probe.FromProber)
        {
            return next;
        }
        // A failure ends the row; so does a verdict that proves nothing, although it is no failure.
        next = next.WithoutStreaks();
        return probe.IsDown ? next with { ProberFailure = probe } : next;
    }

    private Observations WithPassedProbe(Signal probe, DateTimeOffset outage, AnnouncedEvent? announced)
    {
        var elsewhere = announced is { DoomedServer.Length: > 0 }
            && probe.ServerIdentity.Length > 0 && probe.ServerIdentity != announced.DoomedServer;
        return this with
        {
            Streak = Streak.Extended(outage, probe.At),
            StreakElsewhere = elsewhere ? StreakElsewhere.Extended(outage, probe.At) : default,
        };
    }

    private ImmutableList<Signal> Remembering(Signal down, Policy policy)
    {
        var kept = Downs.RemoveAll(old => down.At - old.At > policy.ConfirmWindow);
        if (kept.Count > 0 && kept[^1].At - down.At > policy.ConfirmWindow)
        {
            return kept;
        }
        // A storm of refused saves says no more than the first ones did; probes always find room.
        if (kept.Count >= MaxDowns)
        {
            var refusedSave = kept.FindLastIndex(old => old.Origin == SignalOrigin.App);
            kept = kept.RemoveAt(refusedSave >= 0 ? refusedSave : kept.Count - 1);
        }
        var after = kept.FindIndex(old => old.At > down.At);
        return after < 0 ? kept.Add(down) : kept.Insert(after, down);
    }
}
