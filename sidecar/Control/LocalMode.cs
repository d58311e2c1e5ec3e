using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar.Control;

/// <summary>The operator's decision as the sidecar keeps it.</summary>
internal sealed record Held(
    ulong Epoch, Phase Phase, Mode Mode, string Reason, TimeSpan LeaseEnds, bool Settled, uint Fleet, ulong LastNormalEpoch, Mode Fallback);

/// <summary>What the sidecar decides when it decides alone.</summary>
/// <param name="Since">When it began.</param>
/// <param name="Epoch">The operator's epoch it departs from.</param>
/// <param name="Mode">Fallback or Drain.</param>
/// <param name="Successes">Passed probes in a row.</param>
/// <param name="FirstSuccess">When the row of passed probes began.</param>
internal sealed record Alone(TimeSpan Since, ulong Epoch, Mode Mode, int Successes, TimeSpan FirstSuccess);

/// <summary>
/// The mode in force in this pod: a pure function of the operator's decision, local evidence and time (a monotonic clock).
/// Local evidence may enter the fallback alone; leaving it takes the operator's word or, without a lease, the sidecar's own probes.
/// </summary>
internal sealed record LocalMode
{
    private const int SuccessesToDrain = 3;
    private static readonly TimeSpan Dwell = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ShortestDrainOfSeveral = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestBlindFallback = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(1500);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>Four rounds of other pods' looks for an outage (see <see cref="Cache.OutageNotice"/>).</summary>
    private static readonly TimeSpan FollowedBy = TimeSpan.FromSeconds(1);

    public Held? Decision { get; init; }
    public Alone? Alone { get; init; }

    /// <summary>Reads of the database may be tried: it is up, whether it takes writes or not.</summary>
    public bool Readable { get; init; }

    /// <summary>By evidence of this pod nothing answers: the app may give up queries of its own (fail-fast). A fallback alone does not say so.</summary>
    public bool Silent { get; init; }

    /// <summary>Why Cache cannot be offered here; empty when it can.</summary>
    public string Limit { get; init; } = "";

    /// <summary>A probe can be made: an app has said where its database is, and we speak its protocol.</summary>
    public bool CanProbe { get; init; }

    /// <summary>No operator is configured: this sidecar is the whole fleet.</summary>
    public bool Solitary { get; init; }

    public Mode Fallback => Limit.Length > 0 || Decision?.Fallback == Mode.SkipSave ? Mode.SkipSave : Mode.Cache;

    public Mode Mode
    {
        get
        {
            var mode = Alone?.Mode ?? Decision?.Mode ?? Mode.Normal;
            // An app whose cache no other pod shares keeps its sessions in the database, draining or not.
            return mode is Mode.Normal ? Mode.Normal : Limit.Length > 0 ? Mode.SkipSave : mode;
        }
    }

    /// <summary>What an app is told that asks for more than its fallback.</summary>
    public string WhySkipSave => "the fallback of this app is SkipSave: " + (Limit.Length > 0 ? Limit : "as configured");

    public bool Autonomous => Alone is not null;

    /// <summary>The newest epoch in which a pod may have written rows of sessions that others have records of; those after it, no pod writes.</summary>
    public ulong RowsWritten { get; init; }

    /// <summary>Whether no pod can have written a session's row since a record of it was made in this epoch: all have been in Cache.</summary>
    public bool RowsStandSince(ulong epoch) => Attended && Alone is null && Mode == Mode.Cache && epoch > RowsWritten;

    /// <summary>The database is being brought up to date.</summary>
    public bool Draining => (Alone?.Mode ?? Decision?.Mode) == Mode.Drain;

    /// <summary>The operator is connected: what it says of the fleet is so.</summary>
    public bool Attended { get; init; }

    /// <summary>There should be an operator and is none: what other pods do can only be read in the shared cache.</summary>
    public bool Unattended => !Solitary && !Attended;

    /// <summary>When another pod without an operator was last seen to be in fallback; it may be in step with us, or behind.</summary>
    public TimeSpan? OthersKeep { get; init; }

    /// <summary>Every pod that could serve a session obeys the fallback too, so a tombstone here is seen by all.</summary>
    public bool Settled => Solitary || (Decision is { Settled: true, Mode: not Mode.Normal } && Mode != Mode.Normal);

    /// <summary>This pod is the only one that serves the app.</summary>
    public bool OnlyPod => Solitary || Decision is { Fleet: 1 };

    /// <summary>Another pod of the app has been heard of, now or before a restart.</summary>
    public bool Accompanied { get; init; }

    /// <summary>As far as anybody has told, no other pod can know of a session what this one does not.</summary>
    public bool Unaccompanied => OnlyPod || !Accompanied;

    /// <summary>Since the operator last said Normal, every pod has obeyed a fallback of its.</summary>
    public bool Gathered { get; init; }

    /// <summary>
    /// The database has answered in this fallback while a pod may have been in Normal: that pod may have written rows past what was kept
    /// here. A row that differs although nobody can have written it is that of two requests at a time before the outage.
    /// </summary>
    public bool AnsweredApart { get; init; }

    /// <summary>
    /// Another pod may be in Normal at this moment and write rows past what is kept here: the fallback is our own, or not everybody is
    /// known to obey it yet.
    /// </summary>
    public bool Apart(TimeSpan now) =>
        Mode is Mode.Cache or Mode.Drain && !Unaccompanied && !Gathered && (Attended || now - Alone?.Since < FollowedBy);

    /// <summary>The operator has spoken. An older epoch changes nothing.</summary>
    public LocalMode Obey(Held decision, TimeSpan now)
    {
        if (Decision is { } held && decision.Epoch < held.Epoch)
        {
            return this with { Attended = true };
        }

        // A newer epoch, or any fallback, is the operator's answer to what we saw; Normal of the same epoch is not.
        var answers = Alone is null || decision.Epoch > Alone.Epoch || decision.Mode != Mode.Normal;
        // An operator that was away, or that did not reach us for a while, may say Normal without a drain before it: what was kept here
        // meanwhile comes first.
        var drained = decision.Mode != Mode.Normal ? null
            : Alone is { Mode: not Mode.Drain } alone ? alone with { Epoch = decision.Epoch, Mode = Mode.Drain, Since = now }
            : Alone is null && Mode == Mode.Cache && decision.Epoch > Decision!.Epoch
                ? new Alone(now, decision.Epoch, Mode.Drain, 0, default) : Alone;
        return this with
        {
            Decision = decision,
            RowsWritten = decision.Mode is Mode.Normal or Mode.Drain ? decision.Epoch : Math.Max(RowsWritten, decision.LastNormalEpoch),
            Attended = true,
            Gathered = decision.Mode != Mode.Normal && (Gathered || decision.Settled),
            Alone = answers ? drained : Alone,
            Readable = Readable || decision.Mode == Mode.Drain,
            Accompanied = Accompanied || decision.Fleet > 1,
            Silent = Silent && (!answers || decision.Mode is Mode.Cache or Mode.SkipSave),
        };
    }

    /// <summary>The operator is connected no more.</summary>
    public LocalMode Forsaken() => this with { Attended = false, RowsWritten = Decision?.Epoch ?? 0 };

    /// <summary>Another pod, which has no operator either, has met an outage that began after we were last in step.</summary>
    public LocalMode Follow(TimeSpan now) => Unattended ? Join(now) : this with { Accompanied = true };

    /// <summary>A session was met that lives in the fallback of another pod.</summary>
    public LocalMode Join(TimeSpan now)
    {
        var next = this with { Accompanied = true };
        return Mode == Mode.Normal ? next with { Alone = new Alone(now, Decision?.Epoch ?? 0, Fallback, 0, default) } : next;
    }

    /// <summary>The database has answered a read.</summary>
    public LocalMode Answered(TimeSpan now) => this with { Readable = true, AnsweredApart = AnsweredApart || Apart(now) };

    /// <summary>Another pod without an operator is in fallback at this moment.</summary>
    public LocalMode Beside(TimeSpan now) => this with { Accompanied = true, OthersKeep = now };

    /// <summary>A session write failed because the database cannot be written.</summary>
    public LocalMode Down(Evidence.Types.Verdict verdict, TimeSpan now)
    {
        var next = this with
        {
            Readable = verdict == Evidence.Types.Verdict.ReadOnly,
            Silent = verdict is Evidence.Types.Verdict.Unreachable or Evidence.Types.Verdict.Deadline,
        };
        return Alone is not null
            ? next with { Alone = Alone with { Mode = Fallback, Successes = 0 } }
            : Mode == Mode.Normal ? next with { Alone = new Alone(now, Decision?.Epoch ?? 0, Fallback, 0, default) } : next;
    }

    /// <summary>A probe committed a session write.</summary>
    public LocalMode Up(TimeSpan now)
    {
        var next = Answered(now) with { Silent = false };
        if (Alone is not { } alone || alone.Mode == Mode.Drain)
        {
            return next;
        }

        var first = alone.Successes == 0 ? now : alone.FirstSuccess;
        var successes = alone.Successes + 1;
        var drain = OthersInNormal(now) || (successes >= SuccessesToDrain && now - first >= Dwell);
        return next with
        {
            Alone = alone with { Successes = successes, FirstSuccess = first, Mode = drain ? Mode.Drain : alone.Mode, Since = drain ? now : alone.Since },
        };
    }

    /// <summary>When <see cref="At"/> may have something to say next; null: not before something else happens.</summary>
    public TimeSpan? NextLook(TimeSpan now) =>
        Alone is { } alone ? (CanProbe && alone.Mode != Mode.Drain ? null : now + Look) // depends on what is unsaved then
        : Decision is { Mode: not Mode.Normal } held ? held.LeaseEnds : null;

    /// <summary>Time passes: a lease runs out, a drain of our own ends.</summary>
    /// <param name="unsaved">Acknowledged changes the database has not seen.</param>
    public LocalMode At(TimeSpan now, long unsaved)
    {
        if (Alone is null && Decision is { Mode: not Mode.Normal } lapsed && now > lapsed.LeaseEnds)
        {
            return this with
            {
                Alone = new Alone(now, lapsed.Epoch, lapsed.Mode == Mode.Drain ? Mode.Drain : Fallback, 0, default),
                RowsWritten = lapsed.Epoch,
            };
        }

        if (Alone is { Mode: not Mode.Drain } blind && !CanProbe
            && now - blind.Since > (unsaved == 0 ? LongestBlindFallback : LongestDrain))
        {
            // Nobody can tell us when the database is back, so the app's next save has to find out. Acknowledged changes
            // wait longer: the app may not have said hello since our restart, and must not be shown what they replaced.
            return this with { Alone = null, Decision = Lapsed(now) };
        }

        // Whoever is back in Normal first would not see what others have yet to replay.
        if (Alone is { Mode: Mode.Drain } draining
            && ((unsaved == 0 && (OnlyPod || OthersInNormal(now) || OthersHaveReplayed(draining, now))) || now - draining.Since > LongestDrain))
        {
            return this with { Alone = null, Decision = Lapsed(now) };
        }

        return this;
    }

    // The operator's word in force is Normal, so what we met is past or ours alone; each moment here keeps our sessions from the others.
    // Only while it is connected, and has heard all of us: what it said last may not be what it told the others since.
    private bool OthersInNormal(TimeSpan now) =>
        Attended && Decision is { Mode: Mode.Normal, Settled: true } decision && now <= decision.LeaseEnds && !OnlyPod;

    private bool OthersHaveReplayed(Alone draining, TimeSpan now) =>
        now - draining.Since > ShortestDrainOfSeveral && !(now - OthersKeep < Quiet);

    // Without a valid lease the last word of the operator was a fallback that has expired: Normal is ours to say.
    private Held? Lapsed(TimeSpan now) =>
        Decision is { Mode: not Mode.Normal } d && now > d.LeaseEnds ? d with { Mode = Mode.Normal, Settled = false } : Decision;
}
