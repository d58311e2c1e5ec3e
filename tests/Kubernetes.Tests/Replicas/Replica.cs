using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>One replica of the operator, whole, in the test's process, on ports of its own, without TLS.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly KubernetesConnection _connection;
    private bool _stopped;

    private Replica(WebApplication app, KubernetesConnection connection) => (_app, _connection) = (app, connection);

    public string Grpc { get; private init; } = "";

    public string Http { get; private init; } = "";

    /// <param name="server">The API server.</param>
    /// <param name="pod">Its name.</param>
    /// <param name="namespace">What it serves.</param>
    /// <param name="timings">Null for the usual ones.</param>
    /// <param name="through">Stands between the two; null for nothing.</param>
    /// <param name="ready">It is waited for until it is.</param>
    public static async Task<Replica> Start(
        ApiServer server, string pod, string @namespace, KubernetesTimings? timings = null, ApiProxy? through = null, bool ready = true)
    {
        var any = new IPEndPoint(IPAddress.Loopback, 0);
        var config = new KubernetesConfig(any, any, any, TimeSpan.FromSeconds(10), [@namespace], "session-operator", CertificateSource.Own, pod, @namespace);
        var connection = KubernetesConnection.Open(through?.KubeConfig ?? server.KubeConfig);
        var app = KubernetesHost.Build(config, connection, timings, FleetSecurity.None);
        await app.StartAsync(TestContext.Current.CancellationToken);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        var replica = new Replica(app, connection) { Grpc = addresses[0], Http = addresses[1] };
        if (ready)
        {
            await replica.Ready();
        }
        return replica;
    }

    public Task Ready() => ApiServer.Until(async () => await Get("/readyz") == "ready", "the replica is ready");

    public async Task<string> Get(string path)
    {
        using var client = new HttpClient { BaseAddress = new Uri(Http) };
        using var answer = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>What the kubelet's liveness probe sees.</summary>
    public async Task<(HttpStatusCode Status, string Words)> Liveness()
    {
        using var client = new HttpClient { BaseAddress = new Uri(Http) };
        using var answer = await client.GetAsync(new Uri("/healthz", UriKind.Relative), TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Stops it as Kubernetes would.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopped)
        {
            return;
        }
        _stopped = true;
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _connection.Dispose();
    }
}
