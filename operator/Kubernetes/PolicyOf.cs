using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>What a SessionDatabase's spec asks for, as the decisions know it.</summary>
internal static class PolicyOf
{
    /// <summary>What the API server has let pass is in order; should it not be, the default counts.</summary>
    public static Policy Read(SessionDatabaseSpec spec)
    {
        var policy = new Policy(spec.Fallback == "SkipSave" ? Mode.SkipSave : Mode.Cache);
        return policy with
        {
            Successes = Math.Clamp(spec.Recovery.Successes, 1, 100),
            Dwell = Durations.TryRead(spec.Recovery.Dwell, out var dwell) ? dwell : policy.Dwell,
            DrainDeadline = Durations.TryRead(spec.Recovery.DrainDeadline, out var drain) ? drain : policy.DrainDeadline,
        };
    }
}
