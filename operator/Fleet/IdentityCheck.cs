using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Prometheus;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// Finds out which pod opened a stream. Answers are remembered for a minute; while the API server cannot be asked, a
/// token it has accepted before counts until the token's own end. What is remembered is the token's hash.
/// </summary>
public sealed class IdentityCheck(IIdentityReview review, TimeProvider time, CollectorRegistry registry) : IDisposable
{
    /// <summary>The audience that sidecars' tokens are projected for.</summary>
    public const string Audience = "session-operator";

    private const int LongestToken = 16 * 1024;
    private const int MostAnswers = 20_000;
    private const int MostReviews = 16;
    private static readonly TimeSpan s_fresh = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(4);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Answer> _answers = [];
    private readonly SemaphoreSlim _turns = new(MostReviews);
    private readonly Counter _checks = Counting(registry);

    /// <exception cref="RpcException">
    /// Unauthenticated: no token, or not a valid one. PermissionDenied: a token of no pod. Unavailable: it cannot be found out now.
    /// </exception>
    public async Task<PodIdentity> Check(Metadata headers, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var token = Token(headers);
        var claims = Claims(token, now);
        var hash = Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(token)));
        if (Remembered(hash) is { } known && now - known.At < s_fresh)
        {
            return Count("remembered", known.Identity);
        }
        switch (await Ask(token, cancellation))
        {
            case IdentityVerdict.Accepted accepted:
                Remember(hash, new Answer(accepted.Identity, time.GetUtcNow(), claims.EndsAt));
                return Count("accepted", accepted.Identity);
            case IdentityVerdict.Rejected rejected:
                Forget(hash);
                throw No(StatusCode.Unauthenticated, $"the API server does not accept the token: {rejected.Why}");
            case IdentityVerdict.NoPod none:
                throw No(StatusCode.PermissionDenied, $"the token of {none.User} is not bound to a pod; project one into the sidecar's own pod");
            case IdentityVerdict.Unknown when Remembered(hash) is { } before && time.GetUtcNow() < before.TokenEndsAt:
                return Count("outdated", before.Identity);
            case IdentityVerdict.Unknown unknown:
                throw No(StatusCode.Unavailable, $"the API server cannot be asked whose token this is ({unknown.Why}); try again", "unavailable");
            case var other:
                throw new InvalidOperationException($"{other} is not known here");
        }
    }

    public void Dispose() => _turns.Dispose();

    private async Task<IdentityVerdict> Ask(string token, CancellationToken cancellation)
    {
        if (!await _turns.WaitAsync(s_turn, cancellation))
        {
            return new IdentityVerdict.Unknown($"{MostReviews} others are waiting for an answer");
        }
        try
        {
            return await review.Review(token, cancellation);
        }
        finally
        {
            _turns.Release();
        }
    }

    private string Token(Metadata headers)
    {
        var value = headers.GetValue("authorization") ?? throw No(
            StatusCode.Unauthenticated, $"no token; start the sidecar with --token FILE, a projected ServiceAccount token for the audience {Audience}");
        return value.StartsWith("Bearer ", StringComparison.Ordinal) && value.Length <= LongestToken
            ? value["Bearer ".Length..]
            : throw No(StatusCode.Unauthenticated, "the authorization header is not \"Bearer\" and a token of at most 16 KiB");
    }

    private TokenClaims Claims(string token, DateTimeOffset now)
    {
        var claims = TokenClaims.Read(token) ?? throw No(
            StatusCode.Unauthenticated, $"the token is no projected ServiceAccount token; project one for the audience {Audience}");
        if (!claims.Audiences.Contains(Audience))
        {
            throw No(StatusCode.Unauthenticated, $"the token is for the audience {Checks.Line(string.Join(", ", claims.Audiences), 200)}; project one for {Audience}");
        }
        return now < claims.EndsAt ? claims : throw No(
            StatusCode.Unauthenticated, $"the token ended at {claims.EndsAt:u}; is the file still being replaced?");
    }

    private Answer? Remembered(string hash)
    {
        lock (_lock)
        {
            return _answers.GetValueOrDefault(hash);
        }
    }

    private void Remember(string hash, Answer answer)
    {
        lock (_lock)
        {
            if (_answers.Count >= MostAnswers)
            {
                foreach (var ended in _answers.Where(other => other.Value.TokenEndsAt <= answer.At).Select(other => other.Key).ToList())
                {
                    _answers.Remove(ended);
                }
            }
            if (_answers.Count >= MostAnswers)
            {
                _answers.Clear();
            }
            _answers[hash] = answer;
        }
    }

    private void Forget(string hash)
    {
        lock (_lock)
        {
            _answers.Remove(hash);
        }
    }

    private static Counter Counting(CollectorRegistry registry)
    {
        var checks = Prometheus.Metrics.WithCustomRegistry(registry).CreateCounter(
            "session_operator_identity_checks_total", "Sidecars that connected, by how their token was judged.", "outcome");
        // From 0 on: Prometheus sees no increase in a counter that begins with 1, and no alert would fire.
        foreach (var outcome in new[] { "accepted", "remembered", "outdated", "refused", "unavailable" })
        {
            checks.WithLabels(outcome).Publish();
        }
        return checks;
    }

    private PodIdentity Count(string outcome, PodIdentity identity)
    {
        _checks.WithLabels(outcome).Inc();
        return identity;
    }

    private RpcException No(StatusCode code, string why, string outcome = "refused")
    {
        _checks.WithLabels(outcome).Inc();
        return new RpcException(new Status(code, why));
    }

    private sealed record Answer(PodIdentity Identity, DateTimeOffset At, DateTimeOffset TokenEndsAt);
}
