using System.Buffers.Text;
using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using SessionOperator.Operator.Fleet;

namespace SessionOperator.Operator.Tests.Fleet;

public sealed class IdentityTests : IDisposable
{
    private static readonly PodIdentity s_web = new("default", "web-1", "uid-1");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly FakeReview _review = new();
    private readonly IdentityCheck _check;

    public IdentityTests() => _check = new IdentityCheck(_review, _time, Prometheus.Metrics.NewCustomRegistry());

    public void Dispose() => _check.Dispose();

    /// <summary>A token as the API server projects it, as far as it can be read without asking.</summary>
    private string Token(string name = "one", object? audience = null, int minutes = 60)
    {
        var claims = JsonSerializer.SerializeToUtf8Bytes(new { aud = audience ?? new[] { "session-operator" }, exp = _time.GetUtcNow().AddMinutes(minutes).ToUnixTimeSeconds(), name });
        return $"eyJhbGciOiJSUzI1NiJ9.{Base64Url.EncodeToString(claims)}.c2ln";
    }

    private Task<PodIdentity> Check(string? token) =>
        _check.Check(token is null ? [] : new Metadata { { "authorization", token } }, TestContext.Current.CancellationToken);

    private async Task<(StatusCode, string)> Refused(string? token)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => Check(token));
        return (refused.StatusCode, refused.Status.Detail);
    }

    [Fact]
    public async Task Who_a_token_belongs_to_is_asked_once_a_minute()
    {
        _review.Answer = new IdentityVerdict.Accepted(s_web);
        var token = "Bearer " + Token();
        Assert.Equal(s_web, await Check(token));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(s_web, await Check(token));
        Assert.Equal(1, _review.Asked);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(s_web, await Check(token));
        Assert.Equal(2, _review.Asked);
        _review.Answer = new IdentityVerdict.Accepted(s_web with { Pod = "web-2" });
        Assert.Equal("web-2", (await Check("Bearer " + Token("two"))).Pod);
    }

    [Fact]
    public async Task While_the_API_server_is_away_whom_it_accepted_before_is_served_until_the_token_ends()
    {
        _review.Answer = new IdentityVerdict.Accepted(s_web);
        var token = "Bearer " + Token();
        await Check(token);
        _review.Answer = new IdentityVerdict.Unknown("connection refused");
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(s_web, await Check(token));
        var (code, why) = await Refused("Bearer " + Token("never seen"));
        Assert.Equal(StatusCode.Unavailable, code);
        Assert.Contains("connection refused", why, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(StatusCode.Unauthenticated, (await Refused(token)).Item1);
    }

    [Fact]
    public async Task A_token_that_is_no_longer_accepted_is_forgotten()
    {
        _review.Answer = new IdentityVerdict.Accepted(s_web);
        var token = "Bearer " + Token();
        await Check(token);
        _time.Advance(TimeSpan.FromMinutes(2));
        _review.Answer = new IdentityVerdict.Rejected("the pod is gone");
        var (code, why) = await Refused(token);
        Assert.Equal((StatusCode.Unauthenticated, "the API server does not accept the token: the pod is gone"), (code, why));
        _review.Answer = new IdentityVerdict.Unknown("away");
        Assert.Equal(StatusCode.Unavailable, (await Refused(token)).Item1);
    }

    [Fact]
    public async Task What_can_be_no_sidecars_token_is_refused_without_asking()
    {
        (string?, string)[] wrong =
        [
            (null, "no token; start the sidecar with --token FILE"),
            ("Basic abc", "is not \"Bearer\""),
            ("Bearer " + new string('x', 20_000), "at most 16 KiB"),
            ("Bearer abc", "is no projected ServiceAccount token"),
            ("Bearer a.!!.c", "is no projected ServiceAccount token"),
            ("Bearer a.eyJ4IjoxfQ.c", "is no projected ServiceAccount token"),
            ("Bearer " + Token(audience: "https://kubernetes.default.svc"), "the token is for the audience https://kubernetes.default.svc; project one for session-operator"),
            ("Bearer " + Token(audience: new[] { "a", "b" }), "the token is for the audience a, b"),
            ("Bearer " + Token(minutes: -1), "the token ended at 2029-12-31 23:59:00Z"),
        ];
        foreach (var (token, why) in wrong)
        {
            var (code, said) = await Refused(token);
            Assert.Equal(StatusCode.Unauthenticated, code);
            Assert.Contains(why, said, StringComparison.Ordinal);
        }
        Assert.Equal(0, _review.Asked);
    }

    [Fact]
    public async Task A_token_of_no_pod_is_not_enough()
    {
        _review.Answer = new IdentityVerdict.NoPod("system:serviceaccount:default:web");
        var (code, why) = await Refused("Bearer " + Token());
        Assert.Equal(StatusCode.PermissionDenied, code);
        Assert.Contains("the token of system:serviceaccount:default:web is not bound to a pod", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task At_most_sixteen_are_asked_about_at_once()
    {
        _review.Answer = new IdentityVerdict.Accepted(s_web);
        _review.Hold = new TaskCompletionSource();
        var checks = Enumerable.Range(0, 40).Select(i => Check("Bearer " + Token($"{i}"))).ToArray();
        Assert.Equal(16, _review.Asked);
        _review.Hold.SetResult();
        Assert.All(await Task.WhenAll(checks), identity => Assert.Equal(s_web, identity));
        Assert.Equal((40, 16), (_review.Asked, _review.MostAtOnce));
    }

    [Theory]
    [InlineData("other/orders-db", "web-1", "\"other/orders-db\" is not in namespace default")]
    [InlineData("defaults/orders-db", "web-1", "is not in namespace default")]
    [InlineData("default/orders-db", "web-2", "hello.pod is \"web-2\", but the token belongs to pod web-1")]
    public async Task A_sidecar_speaks_for_its_own_pod_and_namespace_only(string database, string pod, string why)
    {
        _review.Answer = new IdentityVerdict.Accepted(s_web);
        await using var hub = await TestHub.Start(security: new FleetSecurity(_check, null));
        await using var sidecar = new TestSidecar(hub.Grpc, "Bearer " + Token());
        var hello = TestSidecar.Greeting(pod);
        hello.Hello.Database = database;
        await sidecar.Send(hello);
        var refusal = await sidecar.Refused();
        Assert.Equal("not_yours", refusal.Code);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Databases_of_other_namespaces_are_not_even_named()
    {
        _review.Answer = new IdentityVerdict.Accepted(s_web with { Namespace = "shop" });
        await using var hub = await TestHub.Start(security: new FleetSecurity(_check, null));
        await using var sidecar = new TestSidecar(hub.Grpc, "Bearer " + Token());
        var hello = TestSidecar.Greeting("web-1");
        hello.Hello.Database = "shop/orders-db";
        await sidecar.Send(hello);
        var refusal = await sidecar.Refused();
        Assert.Equal("unknown_database", refusal.Code);
        Assert.DoesNotContain("default", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_valid_token_nothing_is_told_or_heard()
    {
        await using var hub = await TestHub.Start(security: new FleetSecurity(_check, null));
        await using var sidecar = new TestSidecar(hub.Grpc);
        var refused = await Assert.ThrowsAsync<RpcException>(sidecar.Next);
        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        Assert.Contains("session_operator_fleet_sidecars{database=\"default/orders-db\",state=\"connected\"} 0", await hub.Get("/metrics"), StringComparison.Ordinal);
    }

    private sealed class FakeReview : IIdentityReview
    {
        private int _now;

        public IdentityVerdict Answer { get; set; } = new IdentityVerdict.Rejected("not asked for");

        public TaskCompletionSource? Hold { get; set; }

        public int Asked { get; private set; }

        public int MostAtOnce { get; private set; }

        public async Task<IdentityVerdict> Review(string token, CancellationToken cancellation)
        {
            lock (this)
            {
                Asked++;
                MostAtOnce = Math.Max(MostAtOnce, ++_now);
            }
            if (Hold is { } hold)
            {
                await hold.Task.WaitAsync(cancellation);
            }
            lock (this)
            {
                _now--;
            }
            return Answer;
        }
    }
}
