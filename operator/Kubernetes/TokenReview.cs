using k8s.Models;
using SessionOperator.Operator.Fleet;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Asks the API server by TokenReview; needs the right to create these and no other.</summary>
public sealed class TokenReview(ApiCalls calls) : IIdentityReview
{
    private const string ServiceAccount = "system:serviceaccount:";
    private const string PodName = "authentication.kubernetes.io/pod-name";
    private const string PodUid = "authentication.kubernetes.io/pod-uid";

    public async Task<IdentityVerdict> Review(string token, CancellationToken cancellation)
    {
        try
        {
            var review = await calls.PostAsync<Answer>("apis/authentication.k8s.io/v1/tokenreviews", new
            {
                apiVersion = "authentication.k8s.io/v1",
                kind = "TokenReview",
                spec = new { token, audiences = new[] { IdentityCheck.Audience } },
            }, cancellation);
            return Judge(review.Status ?? new V1TokenReviewStatus());
        }
        catch (Exception unanswered) when (unanswered is ApiException or ApiUnavailableException)
        {
            return new IdentityVerdict.Unknown(unanswered.Message);
        }
    }

    /// <summary>What an answer of the API server means.</summary>
    public static IdentityVerdict Judge(V1TokenReviewStatus status)
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

    private sealed record Answer(V1TokenReviewStatus? Status);
}
