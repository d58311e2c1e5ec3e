using System.Net;
using System.Net.Http;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Tests.Certificates;

public class ServedCertificateTests
{
    private static CertificateState Issue() =>
        Rotation.Advance(CertificateState.Empty, ["127.0.0.1", "session-operator.ops.svc"], DateTimeOffset.UtcNow, new RotationTimes());

    private static void Serve(ServedCertificate served, CertificateState state) =>
        served.Use(state.Serving!.Certificate, state.Serving.Key, state.Bundle);

    private static async Task<(WebApplication App, Uri Address)> Start(ServedCertificate served, HttpProtocols protocols)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocols;
            listen.UseServedCertificate(served);
        }));
        var app = builder.Build();
        app.Run(context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Connection.Id}"));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return (app, new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()));
    }

    private static HttpClient Client(Uri address, string bundle, Version version)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(bundle);
        return new HttpClient(new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } })
        {
            BaseAddress = address,
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    private static Task<string> Ask(HttpClient client) => client.GetStringAsync(new Uri("/", UriKind.Relative), TestContext.Current.CancellationToken);

    [Theory]
    [InlineData(HttpProtocols.Http2, 2)]
    [InlineData(HttpProtocols.Http1, 1)]
    public async Task A_rotation_shows_in_the_next_handshake_and_ends_no_connection(HttpProtocols protocols, int major)
    {
        var version = major == 2 ? HttpVersion.Version20 : HttpVersion.Version11;
        var served = new ServedCertificate(TimeProvider.System);
        CertificateState first = Issue(), second = Issue();
        Serve(served, first);
        var (app, address) = await Start(served, protocols);
        await using (app)
        {
            using var early = Client(address, first.Bundle, version);
            var before = await Ask(early);
            Assert.StartsWith($"HTTP/{major}", before, StringComparison.Ordinal);
            Serve(served, second);
            using var late = Client(address, second.Bundle, version);
            await Ask(late);
            Assert.Equal(before, await Ask(early));
            using var outdated = Client(address, first.Bundle, version);
            var refused = await Assert.ThrowsAsync<HttpRequestException>(() => Ask(outdated));
            Assert.IsType<AuthenticationException>(refused.InnerException);
        }
    }

    [Fact]
    public async Task Before_there_is_a_certificate_nobody_is_let_in_and_afterwards_everybody_is()
    {
        var served = new ServedCertificate(TimeProvider.System);
        Assert.Equal((false, ""), (served.IsReady, served.Pem));
        var state = Issue();
        var (app, address) = await Start(served, HttpProtocols.Http2);
        await using (app)
        {
            using var client = Client(address, state.Bundle, HttpVersion.Version20);
            await Assert.ThrowsAsync<HttpRequestException>(() => Ask(client));
            Serve(served, state);
            Assert.StartsWith("HTTP/2", await Ask(client), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_same_certificate_again_changes_nothing_and_a_foreign_key_is_refused()
    {
        var served = new ServedCertificate(TimeProvider.System);
        CertificateState first = Issue(), second = Issue();
        Serve(served, first);
        var context = served.Context;
        Serve(served, first);
        Assert.Same(context, served.Context);
        Assert.Throws<ArgumentException>(() => served.Use(second.Serving!.Certificate, first.Serving!.Key, second.Bundle));
        Assert.Equal((context, first.Bundle), (served.Context, served.Pem));
    }
}
