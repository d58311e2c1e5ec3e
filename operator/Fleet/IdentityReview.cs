using k8s;
using k8s.Autorest;
using k8s.Models;

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

/// <summary>Asks the API server by TokenReview; needs the right to create these and no other.</summary>
public sealed class TokenReview(IKubernetes kubernetes) : IIdentityReview
{
    private const string ServiceAccount = "system:serviceaccount:";
    private const string PodName = "authentication.kubernetes.io/pod-name";
    private const string PodUid = "authentication.kubernetes.io/pod-uid";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(4);

    public async Task<IdentityVerdict> Review(string token, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_deadline);
        try
        {
            var review = await kubernetes.AuthenticationV1.CreateTokenReviewAsync(
                new V1TokenReview { Spec = new V1TokenReviewSpec { Token = token, Audiences = [IdentityCheck.Audience] } },
                cancellationToken: deadline.Token);
            return Judge(review.Status);
        }
        catch (HttpOperationException refused)
        {
            return new IdentityVerdict.Unknown($"{(int)refused.Response.StatusCode} {refused.Response.ReasonPhrase}");
        }
        catch (Exception away) when (away is HttpRequestException or IOException || (away is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return new IdentityVerdict.Unknown(away.Message);
        }
    }

    internal static IdentityVerdict Judge(V1TokenReviewStatus status)
    {
        if (status.Authenticated is not true)
        {
            return new IdentityVerdict.Rejected(string.IsNullOrEmpty(status.Error) ? "it is not valid" : Checks.Line(status.Error, 200));
        }
        // An API server that does not know about audiences answers without any: then nobody has compared them.
        if (status.Audiences?.Contains(IdentityCheck.Audience) is not true)
        {
            return new IdentityVerdict.Rejected($"it is not for the audience {IdentityCheck.Audience}");
        }
        var user = status.User?.Username ?? "";
        return user.StartsWith(ServiceAccount, StringComparison.Ordinal)
            && user[ServiceAccount.Length..].Split(':') is [{ Length: > 0 } space, { Length: > 0 }]
            && Only(status.User!, PodName) is { Length: > 0 } pod && Only(status.User!, PodUid) is { Length: > 0 } uid
            ? new IdentityVerdict.Accepted(new PodIdentity(space, pod, uid))
            : new IdentityVerdict.NoPod(Checks.Line(user, 253));
    }

    private static string? Only(V1UserInfo user, string key) =>
        user.Extra is { } extra && extra.TryGetValue(key, out var values) && values is [var value] ? value : null;
}
