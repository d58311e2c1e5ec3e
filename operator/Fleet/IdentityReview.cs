namespace SessionOperator.Operator.Fleet;

/// <summary>What the API server says about a token.</summary>
public abstract record IdentityVerdict
{
    public sealed record Accepted(PodIdentity Identity) : IdentityVerdict;

    /// <summary>It is not valid, or not for us.</summary>
    public sealed record Rejected(string Why) : IdentityVerdict;

    /// <summary>It is valid, and not bound to a pod.</summary>
    public sealed record NoPod(string User) : IdentityVerdict;

    /// <summary>The API server cannot be asked now.</summary>
    public sealed record Unknown(string Why) : IdentityVerdict;
}

/// <summary>Asks who a token belongs to.</summary>
public interface IIdentityReview
{
    Task<IdentityVerdict> Review(string token, CancellationToken cancellation);
}
