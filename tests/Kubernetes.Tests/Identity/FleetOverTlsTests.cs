using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator;
using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Kubernetes.Tests.Identity;

/// <summary>The published sidecar against the operator's hub, with real tokens and certificates.</summary>
public class FleetOverTlsTests(ApiServer server)
{
    private static readonly RotationTimes s_times = new();

    private static CertificateState Signed(Authority by, params Authority[] published)
    {
        var serving = Issuer.Sign(by, ["127.0.0.1"], DateTimeOffset.UtcNow, s_times);
        return new CertificateState([.. published], serving);
    }

    private static Authority Create() => Issuer.CreateAuthority(DateTimeOffset.UtcNow, s_times);

    [Fact]
    public async Task A_sidecar_connected_through_two_rotations_connects_again_afterwards()
    {
        var space = await server.NamespaceAsync("fleet");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        Authority one = Create(), two = Create(), three = Create();
        await using var hub = await Hub.Start(server, $"{space}/orders-db");
        hub.Serve(Signed(one, one));
        await using var sidecar = new PublishedSidecar();
        await File.WriteAllTextAsync(sidecar.AuthoritiesFile, one.Certificate, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(sidecar.TokenFile, await Pods.TokenAsync(server.Client, pod), TestContext.Current.CancellationToken);
        sidecar.Start(hub.Address, $"{space}/orders-db", "web-1");
        await Until(sidecar.IsConnectedAsync, () => sidecar.Log);

        // Published first, signing later, the one before it dropped at last: twice. The stream lives through all of it.
        foreach (var state in new[] { Signed(one, one, two), Signed(two, one, two), Signed(two, two), Signed(two, two, three), Signed(three, three) })
        {
            hub.Serve(state);
            await Until(() => Task.FromResult(File.Exists(sidecar.KeptFile) && File.ReadAllText(sidecar.KeptFile) == state.Bundle), () => sidecar.Log);
            Assert.True(await sidecar.IsConnectedAsync());
        }

        await hub.RestartAsync();
        await Until(sidecar.IsConnectedAsync, () => sidecar.Log);
        // Also a new process in the same pod, which was given the first authority only.
        await sidecar.EndAsync();
        sidecar.Start(hub.Address, $"{space}/orders-db", "web-1");
        await Until(sidecar.IsConnectedAsync, () => sidecar.Log);

        // Without what it kept it would be locked out: that is what the test is about.
        await sidecar.EndAsync();
        File.Delete(sidecar.KeptFile);
        sidecar.Start(hub.Address, $"{space}/orders-db", "web-1");
        await Until(() => Task.FromResult(sidecar.Log.Contains("remote certificate is invalid", StringComparison.Ordinal)), () => sidecar.Log);
        Assert.False(await sidecar.IsConnectedAsync());
    }

    [Fact]
    public async Task Who_shows_the_wrong_token_is_told_why_and_is_let_in_with_the_right_one()
    {
        var space = await server.NamespaceAsync("fleet");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        var authority = Create();
        await using var hub = await Hub.Start(server, $"{space}/orders-db");
        hub.Serve(Signed(authority, authority));
        await using var sidecar = new PublishedSidecar();
        await File.WriteAllTextAsync(sidecar.AuthoritiesFile, authority.Certificate, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(sidecar.TokenFile, await Pods.TokenAsync(server.Client, pod, "vault"), TestContext.Current.CancellationToken);
        sidecar.Start(hub.Address, $"{space}/orders-db", "web-1");
        await Until(() => Task.FromResult(sidecar.Log.Contains("the token is for the audience vault; project one for session-operator", StringComparison.Ordinal)), () => sidecar.Log);
        Assert.False(await sidecar.IsConnectedAsync());
        // The kubelet replaces the file; nobody restarts the sidecar.
        await File.WriteAllTextAsync(sidecar.TokenFile, await Pods.TokenAsync(server.Client, pod), TestContext.Current.CancellationToken);
        await Until(sidecar.IsConnectedAsync, () => sidecar.Log);
    }

    [Theory]
    [InlineData("elsewhere/orders-db", "web-1", "is not in namespace")]
    [InlineData(null, "web-2", "the token belongs to pod web-1; set --pod to metadata.name")]
    public async Task A_sidecar_that_speaks_for_another_is_refused(string? database, string name, string why)
    {
        var space = await server.NamespaceAsync("fleet");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        var authority = Create();
        await using var hub = await Hub.Start(server, $"{space}/orders-db", "elsewhere/orders-db");
        hub.Serve(Signed(authority, authority));
        await using var sidecar = new PublishedSidecar();
        await File.WriteAllTextAsync(sidecar.AuthoritiesFile, authority.Certificate, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(sidecar.TokenFile, await Pods.TokenAsync(server.Client, pod), TestContext.Current.CancellationToken);
        sidecar.Start(hub.Address, database ?? $"{space}/orders-db", name);
        await Until(() => Task.FromResult(sidecar.Log.Contains("not_yours", StringComparison.Ordinal)), () => sidecar.Log);
        Assert.Contains(why, sidecar.Log, StringComparison.Ordinal);
        Assert.False(await sidecar.IsConnectedAsync());
    }

    private static async Task Until(Func<Task<bool>> condition, Func<string> log)
    {
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); !await condition(); await Task.Delay(20, TestContext.Current.CancellationToken))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"not within 30 s; the sidecar says:\n{log()}");
        }
    }

    /// <summary>The operator's hub on one port, with a certificate that the test chooses.</summary>
    private sealed class Hub : IAsyncDisposable
    {
        private readonly ServedCertificate _served = new(TimeProvider.System);
        private readonly string[] _databases;
        private readonly ApiServer _server;
        private WebApplication? _app;

        private Hub(ApiServer server, string[] databases) => (_server, _databases) = (server, databases);

        public string Address { get; private set; } = "https://127.0.0.1:0";

        public static async Task<Hub> Start(ApiServer server, params string[] databases)
        {
            var hub = new Hub(server, databases);
            await hub.StartAsync();
            return hub;
        }

        public void Serve(CertificateState state) => _served.Use(state.Serving!.Certificate, state.Serving.Key, state.Bundle);

        public async Task RestartAsync()
        {
            await DisposeAsync();
            await StartAsync();
        }

        public ValueTask DisposeAsync() => _app!.DisposeAsync();

        private async Task StartAsync()
        {
            var config = new StandaloneConfig(
                new IPEndPoint(IPAddress.Loopback, new Uri(Address).Port), new IPEndPoint(IPAddress.Loopback, 0), TimeSpan.FromSeconds(10),
                _databases.ToDictionary(name => name, _ => new Policy(Mode.Cache)));
            var identities = new IdentityCheck(new TokenReview(_server.Calls), TimeProvider.System, Prometheus.Metrics.NewCustomRegistry());
            _app = OperatorHost.Build(config, new FleetTimings(TimeSpan.FromSeconds(3)), security: new FleetSecurity(identities, _served));
            await _app.StartAsync(TestContext.Current.CancellationToken);
            Address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        }
    }
}
