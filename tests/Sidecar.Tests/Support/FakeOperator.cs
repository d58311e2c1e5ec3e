using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;

namespace SessionOperator.Sidecar.Tests.Support;

/// <summary>The operator's end of the fleet protocol, as a test plays it: HTTP/2 without TLS on loopback.</summary>
internal sealed class FakeOperator : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeOperator(WebApplication app, Service service)
    {
        _app = app;
        Streams = service;
    }

    public Service Streams { get; }

    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public static async Task<FakeOperator> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http2));
        var service = new Service();
        builder.Services.AddSingleton(service);
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new FakeOperator(app, service);
    }

    public async ValueTask DisposeAsync()
    {
        Streams.EndAll();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>Every stream a sidecar opened, in order.</summary>
    internal sealed class Service : Fleet.FleetBase
    {
        private readonly Channel<Stream> _opened = Channel.CreateUnbounded<Stream>();
        private readonly ConcurrentBag<Stream> _all = [];

        public async Task<Stream> NextAsync(double seconds = 10)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
            return await _opened.Reader.ReadAsync(deadline.Token);
        }

        public void EndAll()
        {
            foreach (var stream in _all)
            {
                stream.End();
            }
        }

        public override async Task Connect(
            IAsyncStreamReader<FromSidecar> requestStream, IServerStreamWriter<FromOperator> responseStream, ServerCallContext context)
        {
            if (!await requestStream.MoveNext(context.CancellationToken))
            {
                return;
            }

            var stream = new Stream(requestStream.Current.Hello, responseStream);
            _all.Add(stream);
            _opened.Writer.TryWrite(stream);
            var reading = stream.ReadAsync(requestStream, context.CancellationToken);
            await Task.WhenAny(reading, stream.Ended);
        }
    }

    internal sealed class Stream(Hello hello, IServerStreamWriter<FromOperator> answers)
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The stream's first message; null if it was not a hello.</summary>
        public Hello Hello { get; } = hello;

        public TimeSpan OpenedAt { get; } = ModeController.Now;

        /// <summary>Everything after the hello.</summary>
        public ConcurrentQueue<FromSidecar> Received { get; } = new();

        public IEnumerable<ulong> Acks => Received.Where(m => m.Ack is not null).Select(m => m.Ack.Epoch);

        public Task Ended => _end.Task;

        public void End() => _end.TrySetResult();

        public Task Say(Decision decision) => answers.WriteAsync(new FromOperator { Decision = decision });

        public Task Say(FromOperator message) => answers.WriteAsync(message);

        public async Task ReadAsync(IAsyncStreamReader<FromSidecar> requests, CancellationToken cancel)
        {
            while (await requests.MoveNext(cancel))
            {
                Received.Enqueue(requests.Current);
            }
        }
    }
}
