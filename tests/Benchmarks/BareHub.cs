using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SessionOperator.Operator.Certificates;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Benchmarks;

/// <summary>
/// Anchor: the same fleet on a hub that decides nothing and checks nobody, but writes one message to every stream. What is
/// left is Kestrel, TLS, gRPC and this machine.
/// </summary>
internal static class BareHub
{
    public static async Task<(Samples Each, Samples Last)> MeasureAsync(int sidecars, int rounds, string folder)
    {
        var times = new RotationTimes();
        var state = Rotation.Advance(CertificateState.Empty, ["localhost"], DateTimeOffset.UtcNow, times);
        var served = new ServedCertificate(TimeProvider.System);
        served.Use(state.Serving!.Certificate, state.Serving.Key, state.Bundle);
        var authorities = Path.Combine(folder, "bare-ca.pem");
        await File.WriteAllTextAsync(authorities, state.Bundle);
        await using var app = await StartAsync(served);
        var streams = app.Services.GetRequiredService<Streams>();
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        using var fleet = FleetProcess.Start(
            new FleetTarget(authorities, "localhost", "bench/bare"), [address], [.. Enumerable.Repeat("none", sidecars)], folder);
        await fleet.AllAsync(Mode.Normal, TimeSpan.FromSeconds(60));
        Samples each = new("bare fan-out, each sidecar"), last = new("bare fan-out, the last sidecar");
        for (var round = 1; round <= rounds; round++)
        {
            var mode = round % 2 == 1 ? Mode.Cache : Mode.Normal;
            var from = Stopwatch.GetTimestamp();
            await streams.TellAsync(new Decision { Epoch = (ulong)round, Mode = mode, LeaseMs = 60_000 });
            var heard = await fleet.AllAsync(mode, TimeSpan.FromSeconds(20));
            foreach (var one in heard)
            {
                each.Add(from, one.At);
            }
            last.Add(from, heard.Max(one => one.At));
        }
        return (each, last);
    }

    private static async Task<WebApplication> StartAsync(ServedCertificate served)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseServedCertificate(served);
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<Streams>();
        var app = builder.Build();
        app.MapGrpcService<Streams>();
        await app.StartAsync();
        return app;
    }

    internal sealed class Streams : Fleet.FleetBase
    {
        private readonly ConcurrentBag<IServerStreamWriter<FromOperator>> _all = [];

        public override async Task Connect(
            IAsyncStreamReader<FromSidecar> requestStream, IServerStreamWriter<FromOperator> responseStream, ServerCallContext context)
        {
            await requestStream.MoveNext(context.CancellationToken);
            await responseStream.WriteAsync(new FromOperator { Decision = new Decision { LeaseMs = 60_000 } });
            _all.Add(responseStream);
            while (await requestStream.MoveNext(context.CancellationToken))
            {
            }
        }

        public Task TellAsync(Decision decision) =>
            Task.WhenAll(_all.Select(stream => stream.WriteAsync(new FromOperator { Decision = decision })));
    }
}
