namespace SessionOperator.Operator.Decisions;

/// <summary>What all replicas of the operator share about one database. Changed only by compare-and-swap.</summary>
public sealed record DatabaseState
{
    public required Decision Decision { get; init; }

    /// <summary>When the mode left Normal; null while it is Normal.</summary>
    public DateTimeOffset? OutageSince { get; init; }

    /// <summary>Why it did, for people; null while it is Normal.</summary>
    public string? OutageReason { get; init; }

    /// <summary>When the mode last came back to Normal.</summary>
    public DateTimeOffset? ReopenedAt { get; init; }

    /// <summary>Outages in a row that began shortly after the one before.</summary>
    public int Flaps { get; init; }

    public AnnouncedEvent? Announced { get; init; }

    /// <summary>
    /// The decision rests on signals. False at the start and after rebuilding from sidecars' hellos, when a sidecar
    /// that knows a newer epoch knows better.
    /// </summary>
    public bool FromSignals { get; init; }

    public static DatabaseState Initial(DateTimeOffset now) => new()
    {
        Decision = new Decision(0, Phase.Unknown, Mode.Normal, Cause.Started, "nothing is known of the database yet", now, 0),
    };

    /// <summary>The next state, one epoch on.</summary>
    public DatabaseState To(Phase phase, Mode mode, Cause cause, string reason, Policy policy, DateTimeOffset now)
    {
        var epoch = Decision.Epoch + 1;
        var next = this with
        {
            Decision = new Decision(
                epoch, phase, mode, cause, reason, now, mode == Mode.Normal ? epoch : Decision.LastNormalEpoch),
            FromSignals = true,
        };
        if (Decision.Mode == Mode.Normal && mode != Mode.Normal)
        {
            var flap = ReopenedAt is { } reopened && now - reopened < policy.FlapWindow;
            return next with { OutageSince = now, OutageReason = reason, Flaps = flap ? Math.Min(Flaps + 1, policy.MaxDoublings) : 0 };
        }
        if (Decision.Mode != Mode.Normal && mode == Mode.Normal)
        {
            return next with { OutageSince = null, OutageReason = null, ReopenedAt = now, Announced = null };
        }
        return next;
    }
}
