using System.Collections.Immutable;

namespace SessionOperator.Operator.Certificates;

/// <summary>One change of the state.</summary>
public abstract record RotationStep
{
    /// <summary>Make an authority and publish it; it signs nothing yet, unless there is no other.</summary>
    public sealed record Create : RotationStep;

    /// <summary>Sign a serving certificate.</summary>
    public sealed record Sign(Authority By, ImmutableSortedSet<string> Names) : RotationStep;

    /// <summary>Throw the key of an authority away: its successor signs now.</summary>
    public sealed record Forget(Authority Authority) : RotationStep;

    /// <summary>Take an authority out of the bundle: nothing that it signed is valid any more.</summary>
    public sealed record Drop(Authority Authority) : RotationStep;
}

/// <summary>What has to be done about the certificates: a pure function of what there is and the time.</summary>
public static class RotationPlan
{
    /// <summary>The next step; null when all is well. Repeated steps come to an end.</summary>
    /// <param name="state">What is kept.</param>
    /// <param name="names">What the serving certificate must be valid for.</param>
    /// <param name="now">The time.</param>
    /// <param name="times">How long everything lives.</param>
    public static RotationStep? Next(CertificateState state, ImmutableSortedSet<string> names, DateTimeOffset now, RotationTimes times)
    {
        if (state.Authorities.FirstOrDefault(authority => IsOver(authority, state, now, times)) is { } over)
        {
            return new RotationStep.Drop(over);
        }
        if (state.Authorities.LastOrDefault() is not { Key: not null } newest || now >= TwoThirds(newest.PublishedAt, newest.EndsAt))
        {
            return new RotationStep.Create();
        }
        var signer = Signer(state, now, times);
        if (IsWorn(state, signer, now, times))
        {
            return new RotationStep.Sign(signer, names);
        }
        if (!names.IsSubsetOf(state.Serving!.Names))
        {
            // Kept beside the new ones: a replica of another release still asks for the old names, and two must not take turns.
            return new RotationStep.Sign(signer, names.Union(state.Serving.Names));
        }
        return state.Authorities.TakeWhile(authority => authority != signer).FirstOrDefault(older => older.Key is not null) is { } retired
            ? new RotationStep.Forget(retired)
            : null;
    }

    /// <summary>
    /// The newest authority that every client knows by now. When there is none - at the very start, or after the operator
    /// was away for most of a year - the one that clients have known longest.
    /// </summary>
    private static Authority Signer(CertificateState state, DateTimeOffset now, RotationTimes times) =>
        state.Authorities.LastOrDefault(authority => authority.Key is not null && now >= authority.PublishedAt + times.Overlap)
        ?? state.Authorities.First(authority => authority.Key is not null);

    private static bool IsWorn(CertificateState state, Authority signer, DateTimeOffset now, RotationTimes times)
    {
        if (state.Serving is not { } serving || serving.EndsAt <= now || state.Authorities.All(authority => authority.Name != serving.Issuer))
        {
            return true;
        }
        // Near the end of its signer's life another one would end no later: not worth a write.
        return now >= TwoThirds(serving.SignedAt, serving.EndsAt) && EndOfServing(signer, now, times) > serving.EndsAt;
    }

    /// <summary>When a certificate signed now would end: never later than its signer.</summary>
    public static DateTimeOffset EndOfServing(Authority signer, DateTimeOffset now, RotationTimes times) =>
        now + times.ServingLife < signer.EndsAt ? now + times.ServingLife : signer.EndsAt;

    private static bool IsOver(Authority authority, CertificateState state, DateTimeOffset now, RotationTimes times)
    {
        if (now >= authority.EndsAt)
        {
            return true;
        }
        var successor = state.Authorities.SkipWhile(other => other != authority).Skip(1).FirstOrDefault();
        // The successor has signed since then; what was signed just before has ended.
        return successor is not null && now >= successor.PublishedAt + times.Overlap + times.ServingLife
            && state.Serving?.Issuer != authority.Name;
    }

    private static DateTimeOffset TwoThirds(DateTimeOffset from, DateTimeOffset to) => from + ((to - from) * 2 / 3);
}
