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
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

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

    public bool Autonomous => Alone is not null;

    /// <summary>The database is being brought up to date.</summary>
    public bool Draining => (Alone?.Mode ?? Decision?.Mode) == Mode.Drain;

    /// <summary>Every pod that could serve a session obeys the fallback too, so a tombstone here is seen by all.</summary>
    public bool Settled => Solitary || (Decision is { Settled: true, Mode: not Mode.Normal } && Mode != Mode.Normal);

    /// <summary>This pod is the only one that serves the app.</summary>
    public bool OnlyPod => Solitary || Decision is { Fleet: 1 };

    /// <summary>Another pod of the app has been heard of, now or before a restart.</summary>
    public bool Accompanied { get; init; }

    /// <summary>As far as anybody has told, no other pod can know of a session what this one does not.</summary>
    public bool Unaccompanied => OnlyPod || !Accompanied;

    /// <summary>The operator has spoken. An older epoch changes nothing.</summary>
    public LocalMode Obey(Held decision)
    {
        if (Decision is { } held && decision.Epoch < held.Epoch)
        {
            return this;
        }

        // A newer epoch, or any fallback, is the operator's answer to what we saw; Normal of the same epoch is not.
        var answers = Alone is null || decision.Epoch > Alone.Epoch || decision.Mode != Mode.Normal;
        return this with
        {
            Decision = decision,
            Alone = answers ? null : Alone,
            Readable = Readable || decision.Mode == Mode.Drain,
            Accompanied = Accompanied || decision.Fleet > 1,
            Silent = Silent && (!answers || decision.Mode is Mode.Cache or Mode.SkipSave),
        };
    }

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
        var next = this with { Readable = true, Silent = false };
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
            return this with { Alone = new Alone(now, lapsed.Epoch, lapsed.Mode == Mode.Drain ? Mode.Drain : Fallback, 0, default) };
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
            && ((unsaved == 0 && (OnlyPod || OthersInNormal(now) || now - draining.Since > ShortestDrainOfSeveral)) || now - draining.Since > LongestDrain))
        {
            return this with { Alone = null, Decision = Lapsed(now) };
        }

        return this;
    }

    // The operator's word in force is Normal, so what we met is past or ours alone; each moment here keeps our sessions from the others.
    private bool OthersInNormal(TimeSpan now) => Decision is { Mode: Mode.Normal } decision && now <= decision.LeaseEnds && !OnlyPod;

    // Without a valid lease the last word of the operator was a fallback that has expired: Normal is ours to say.
    private Held? Lapsed(TimeSpan now) =>
        Decision is { Mode: not Mode.Normal } d && now > d.LeaseEnds ? d with { Mode = Mode.Normal, Settled = false } : Decision;
}
