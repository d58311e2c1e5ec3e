using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using SessionOperator.Protocol.Fleet;
using Status = SessionOperator.Protocol.Fleet.Status;

namespace SessionOperator.Benchmarks;

/// <summary>How the sidecars of a run reach the operator.</summary>
/// <param name="Authorities">PEM file.</param>
/// <param name="Host">The name the certificate must be valid for.</param>
/// <param name="Database">"namespace/name".</param>
internal sealed record FleetTarget(string Authorities, string Host, string Database);

/// <summary>
/// The operator's side of a sidecar and nothing else: says hello, acks what it is told, and probes a database that is up
/// or down as it is told. Prints one line a decision of another mode: <c>clock number epoch mode</c>.
/// </summary>
internal sealed class SimulatedSidecar(int number, Uri address, string token, FleetTarget target, Func<string> database)
{
    private readonly Channel<FromSidecar> _toSend = Channel.CreateUnbounded<FromSidecar>(new UnboundedChannelOptions { SingleReader = true });
    private volatile uint _probeInterval;
    private volatile uint _probeNow;
    private Mode? _mode;

    public async Task RunAsync()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(target.Authorities);
        using var channel = GrpcChannel.ForAddress(new UriBuilder(address) { Host = target.Host }.Uri, new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
                // The certificate is the Service's, which only a cluster resolves.
                ConnectCallback = async (context, cancellation) =>
                {
                    var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                    await socket.ConnectAsync(address.Host, context.DnsEndPoint.Port, cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            },
        });
        using var call = new Fleet.FleetClient(channel).Connect(new Metadata { { "authorization", $"Bearer {token}" } });
        await call.RequestStream.WriteAsync(new FromSidecar
        {
            Hello = new Hello
            {
                Protocol = 1,
                Database = target.Database,
                Pod = PodName(number),
                Instance = $"{Environment.ProcessId}",
                Status = Now(),
            },
        });
        await await Task.WhenAny(ReadAsync(call.ResponseStream), WriteAsync(call.RequestStream), ProbeAsync(), ReportAsync());
        throw new IOException($"the stream of sidecar {number} ended");
    }

    public static string PodName(int number) => $"web-{number}";

    private static Status Now() => new() { AdapterLoaded = true, CacheOk = true };

    private async Task ReadAsync(IAsyncStreamReader<FromOperator> stream)
    {
        while (await stream.MoveNext(CancellationToken.None))
        {
            var at = Stopwatch.GetTimestamp();
            if (stream.Current.Refusal is { } refusal)
            {
                throw new IOException($"refused: {refusal.Code}: {refusal.Message}");
            }
            if (stream.Current.Decision is not { } decision)
            {
                continue;
            }
            if (decision.Mode != _mode)
            {
                _mode = decision.Mode;
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{at} {number} {decision.Epoch} {decision.Mode}"));
            }
            _toSend.Writer.TryWrite(new FromSidecar { Ack = new Ack { Epoch = decision.Epoch } });
            if (decision.Mode == Mode.Drain)
            {
                // There is nothing to replay.
                _toSend.Writer.TryWrite(new FromSidecar { Status = Now() });
            }
            (_probeInterval, _probeNow) = (decision.ProbeIntervalMs, decision.ProbeNow);
        }
    }

    private async Task WriteAsync(IClientStreamWriter<FromSidecar> stream)
    {
        await foreach (var message in _toSend.Reader.ReadAllAsync())
        {
            await stream.WriteAsync(message);
        }
    }

    private async Task ReportAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(5));
        while (await timer.WaitForNextTickAsync())
        {
            _toSend.Writer.TryWrite(new FromSidecar { Status = Now() });
        }
    }

    private async Task ProbeAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
        var (probedAt, probedFor) = (Stopwatch.GetTimestamp(), 0u);
        while (await timer.WaitForNextTickAsync())
        {
            var interval = _probeInterval;
            if (interval == 0 || (_probeNow == probedFor && Stopwatch.GetElapsedTime(probedAt).TotalMilliseconds < interval))
            {
                continue;
            }
            (probedAt, probedFor) = (Stopwatch.GetTimestamp(), _probeNow);
            var identity = database();
            if (identity == FleetProcess.Silent)
            {
                continue;
            }
            _toSend.Writer.TryWrite(new FromSidecar
            {
                Evidence = new Evidence
                {
                    Source = Evidence.Types.Source.Probe,
                    Verdict = identity.Length > 0 ? Evidence.Types.Verdict.Writable : Evidence.Types.Verdict.Unreachable,
                    ServerIdentity = identity,
                },
            });
        }
    }
}
