using System.Collections.Immutable;

namespace SessionOperator.Operator.Certificates;

/// <summary>Carries the plan out.</summary>
public static class Rotation
{
    /// <summary>The state after everything that is due now; the same object when nothing is.</summary>
    public static CertificateState Advance(CertificateState state, ImmutableSortedSet<string> names, DateTimeOffset now, RotationTimes times)
    {
        while (RotationPlan.Next(state, names, now, times) is { } step)
        {
            state = step switch
            {
                RotationStep.Create => state with { Authorities = state.Authorities.Add(Issuer.CreateAuthority(now, times)) },
                RotationStep.Sign sign => state with { Serving = Issuer.Sign(sign.By, sign.Names, now, times) },
                RotationStep.Forget forget => state with
                {
                    Authorities = state.Authorities.Replace(forget.Authority, forget.Authority with { Key = null }),
                },
                RotationStep.Drop drop => state with { Authorities = state.Authorities.Remove(drop.Authority) },
                _ => throw new InvalidOperationException($"{step} is not known here"),
            };
        }
        return state;
    }
}
