using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Standalone;
using SessionOperator.Operator.State;
using SessionOperator.Protocol.Fleet;
using Wire = SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Tests.Fleet;

/// <summary>The whole operator on free loopback ports.</summary>
internal sealed class TestHub : IAsyncDisposable
{
    public const string Database = "default/orders-db";
    private readonly WebApplication _app;

    private TestHub(WebApplication app) => _app = app;

    public string Grpc { get; private init; } = "";

    public string Http { get; private init; } = "";

    public static async Task<TestHub> Start(FleetTimings? timings = null, IDecisionStore? store = null, string grpc = "127.0.0.1:0", FleetSecurity? security = null)
    {
        var config = new StandaloneConfig(
            IPEndPoint.Parse(grpc), new IPEndPoint(IPAddress.Loopback, 0), TimeSpan.FromSeconds(10),
            new Dictionary<string, Policy> { [Database] = new(Mode.Cache), ["default/users"] = new(Mode.SkipSave) });
        var app = OperatorHost.Build(config, timings, store, security);
        await app.StartAsync(TestContext.Current.CancellationToken);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        return new TestHub(app) { Grpc = addresses[0], Http = addresses[1] };
    }

    public async Task<string> Get(string path)
    {
        using var client = new HttpClient { BaseAddress = new Uri(Http) };
        return await client.GetStringAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
    }

    public Task Stop() => _app.StopAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

/// <summary>A sidecar's end of the stream, driven by the test.</summary>
internal sealed class TestSidecar : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<FromSidecar, FromOperator> _call;

    public TestSidecar(string address, string? authorization = null)
    {
        _channel = GrpcChannel.ForAddress(address);
        var headers = authorization is null ? [] : new Metadata { { "authorization", authorization } };
        _call = new Wire.Fleet.FleetClient(_channel).Connect(headers, cancellationToken: TestContext.Current.CancellationToken);
    }

    public static async Task<TestSidecar> Join(
        TestHub hub, string pod, ulong epoch = 0, Mode mode = Mode.Normal, ulong lastNormal = 0, string instance = "1")
    {
        var sidecar = new TestSidecar(hub.Grpc);
        await sidecar.Send(Greeting(pod, epoch, mode, lastNormal, instance));
        return sidecar;
    }

    public static FromSidecar Greeting(
        string pod, ulong epoch = 0, Mode mode = Mode.Normal, ulong lastNormal = 0, string instance = "1") => new()
        {
            Hello = new Hello
            {
                Protocol = 1,
                Database = TestHub.Database,
                Pod = pod,
                Instance = instance,
                Epoch = epoch,
                Mode = mode,
                LastNormalEpoch = lastNormal,
                Status = new Wire.Status { AdapterLoaded = true },
            },
        };

    public Task Send(FromSidecar message) => _call.RequestStream.WriteAsync(message, TestContext.Current.CancellationToken);

    public Task Ack(ulong epoch) => Send(new FromSidecar { Ack = new Ack { Epoch = epoch } });

    public Task Unsaved(ulong unsaved) => Send(new FromSidecar { Status = new Wire.Status { AdapterLoaded = true, Unsaved = unsaved } });

    public Task Probe(Evidence.Types.Verdict verdict, uint ageMs = 0) => Send(new FromSidecar
    {
        Evidence = new Evidence { Source = Evidence.Types.Source.Probe, Verdict = verdict, AgeMs = ageMs },
    });

    public Task RefusedSave(Evidence.Types.Verdict verdict) => Send(new FromSidecar
    {
        Evidence = new Evidence { Source = Evidence.Types.Source.App, Verdict = verdict, Detail = "57P01" },
    });

    public async Task<FromOperator?> Next()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(s_patience);
        return await _call.ResponseStream.MoveNext(patience.Token) ? _call.ResponseStream.Current : null;
    }

    /// <summary>The next decision that is as wanted; those before it are skipped.</summary>
    public async Task<Wire.Decision> Until(Func<Wire.Decision, bool> wanted)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        while (await Next() is { } message)
        {
            Assert.True(watch.Elapsed < 2 * s_patience, "what was wanted never came, although other decisions did");
            Assert.True(message.Decision is not null, $"refused: {message.Refusal}");
            if (wanted(message.Decision))
            {
                return message.Decision;
            }
        }
        throw new InvalidOperationException("the stream ended first");
    }

    /// <summary>The next message that is no decision but what is wanted.</summary>
    public async Task<FromOperator> UntilBody(Func<FromOperator, object?> body)
    {
        while (await Next() is { } message)
        {
            if (body(message) is not null)
            {
                return message;
            }
            Assert.True(message.Decision is not null, $"instead came: {message}");
        }
        throw new InvalidOperationException("the stream ended first");
    }

    public Task<Wire.Decision> Until(Mode mode) => Until(d => d.Mode == mode);

    public async Task<Refusal> Refused()
    {
        var refusal = (await Next())?.Refusal;
        Assert.NotNull(refusal);
        Assert.Null(await Next());
        return refusal;
    }

    public ValueTask DisposeAsync()
    {
        _call.Dispose();
        _channel.Dispose();
        return ValueTask.CompletedTask;
    }
}
