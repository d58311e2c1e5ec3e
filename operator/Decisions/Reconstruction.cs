namespace SessionOperator.Operator.Decisions;

/// <summary>What a connecting sidecar says of the operator's last decision.</summary>
/// <param name="Epoch">The decision last obeyed there.</param>
/// <param name="Mode">The mode in force there; another one than decided when the sidecar is autonomous.</param>
/// <param name="LastNormalEpoch">The newest epoch whose mode was Normal.</param>
/// <param name="Reporter">Who says so, for people.</param>
public sealed record Claim(ulong Epoch, Mode Mode, ulong LastNormalEpoch, string Reporter)
{
    /// <summary>What the operator had decided at that epoch, as far as the claim tells.</summary>
    public Mode Decided(Mode fallback) =>
        LastNormalEpoch >= Epoch ? Mode.Normal : Mode == Mode.Drain ? Mode.Drain : fallback;

    /// <summary>The operator had decided Normal there, and the sidecar had met an outage since.</summary>
    public bool Alone => Mode != Mode.Normal && LastNormalEpoch >= Epoch;
}

/// <summary>
/// An operator that lost its state learns it from the sidecars. It must never be behind one of them, or its
/// decisions would not be obeyed there.
/// </summary>
public static class Reconstruction
{
    /// <summary>The same instance when the claim tells nothing new.</summary>
    public static DatabaseState Judge(DatabaseState state, Claim claim, Policy policy, DateTimeOffset now)
    {
        var own = state.Decision;
        var decided = claim.Decided(policy.Fallback);
        if (claim.Epoch < own.Epoch || (claim.Epoch == own.Epoch && decided == own.Mode))
        {
            return state;
        }
        if (claim.Epoch == own.Epoch)
        {
            // The number was given twice, before our state was lost and after: ours moves on, so that one number means one thing.
            return At(state, own.Epoch + 1, own.Phase, own.Mode, claim, now) with { FromSignals = state.FromSignals };
        }
        if (!state.FromSignals)
        {
            return At(state, claim.Epoch, FittingPhase(decided), decided, claim, now);
        }
        // We have proof of our own, which is newer than what was decided before our state was lost. Only the number moves,
        // with one exception: where the fleet was still in an outage, unsaved changes come first.
        if (own.Mode == Mode.Normal && decided != Mode.Normal && own.Phase == Phase.Writable)
        {
            return At(state, claim.Epoch + 1, Phase.Recovering, Mode.Drain, claim, now) with { FromSignals = true };
        }
        var epoch = decided == own.Mode ? claim.Epoch : claim.Epoch + 1;
        return At(state, epoch, own.Phase, own.Mode, claim, now) with { FromSignals = true };
    }

    /// <summary>
    /// Several sidecars came with a fallback of their own: an outage that began while no operator was there to confirm it. One alone
    /// may have been cut off by itself. What they keep has to reach the database before anybody is told Normal.
    /// </summary>
    public static DatabaseState Judge(DatabaseState state, IReadOnlyCollection<Claim> alone, Policy policy, DateTimeOffset now)
    {
        if (state.Decision.Mode != Mode.Normal || alone.Count < 2)
        {
            return state;
        }
        var newest = alone.MaxBy(claim => claim.Epoch)!;
        var epoch = Math.Max(state.Decision.Epoch, newest.Epoch) + 1;
        var next = At(state, epoch, Phase.Unwritable, policy.Fallback, newest, now);
        var reason = $"{alone.Count} sidecars had met an outage while no operator was there, {newest.Reporter} among them";
        return next with { Decision = next.Decision with { Reason = reason }, OutageReason = reason };
    }

    private static DatabaseState At(DatabaseState state, ulong epoch, Phase phase, Mode mode, Claim claim, DateTimeOffset now)
    {
        var reason = $"rebuilt from what {claim.Reporter} had in force: epoch {claim.Epoch}, {claim.Mode}";
        var lastNormal = mode == Mode.Normal ? epoch : Math.Max(state.Decision.LastNormalEpoch, claim.LastNormalEpoch);
        return state with
        {
            Decision = new Decision(epoch, phase, mode, Cause.Rebuilt, reason, now, lastNormal),
            OutageSince = mode == Mode.Normal ? null : state.OutageSince ?? now,
            OutageReason = mode == Mode.Normal ? null : state.OutageReason ?? reason,
            FromSignals = false,
        };
    }

    private static Phase FittingPhase(Mode mode) => mode switch
    {
        Mode.Normal => Phase.Unknown,
        Mode.Drain => Phase.Recovering,
        _ => Phase.Unwritable,
    };
}
