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
/// or down as it is told. Connects again when the operator is started again. Prints one line when the mode or whether it is
/// settled is another one, or the stream is: <c>clock number epoch mode settled</c>.
/// </summary>
internal sealed class SimulatedSidecar(int number, Uri address, string token, FleetTarget target, Func<string> database)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);
    private Channel<FromSidecar> _toSend = Channel.CreateUnbounded<FromSidecar>();
    private volatile uint _probeInterval;
    private volatile uint _probeNow;
    private (Mode, bool)? _told;

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
        while (true)
        {
            try
            {
                await ServeAsync(channel);
            }
            catch (Exception gone) when (gone is IOException
                or RpcException { StatusCode: not (StatusCode.Unauthenticated or StatusCode.PermissionDenied or StatusCode.InvalidArgument) })
            {
                // The operator is being started again. A write under way hears of it from the socket, without a status.
            }
            await Task.Delay(s_pause);
        }
    }

    public static string PodName(int number) => $"web-{number}";

    private static Status Now() => new() { AdapterLoaded = true, CacheOk = true };

    private async Task ServeAsync(GrpcChannel channel)
    {
        (_told, _probeInterval, _toSend) = (null, 0, Channel.CreateUnbounded<FromSidecar>());
        using var ended = new CancellationTokenSource();
        using var call = new Fleet.FleetClient(channel).Connect(new Metadata { { "authorization", $"Bearer {token}" } }, cancellationToken: ended.Token);
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
        Task[] halves = [ReadAsync(call.ResponseStream), WriteAsync(call.RequestStream, ended.Token), ProbeAsync(ended.Token), ReportAsync(ended.Token)];
        var first = await Task.WhenAny(halves);
        await ended.CancelAsync();
        await Task.WhenAll(halves).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private async Task ReadAsync(IAsyncStreamReader<FromOperator> stream)
    {
        while (await stream.MoveNext(CancellationToken.None))
        {
            var at = Stopwatch.GetTimestamp();
            if (stream.Current.Refusal is { } refusal)
            {
                throw new InvalidDataException($"refused: {refusal.Code}: {refusal.Message}");
            }
            if (stream.Current.Decision is not { } decision)
            {
                continue;
            }
            if (_told != (decision.Mode, decision.Settled))
            {
                _told = (decision.Mode, decision.Settled);
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{at} {number} {decision.Epoch} {decision.Mode} {decision.Settled}"));
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

    private async Task WriteAsync(IClientStreamWriter<FromSidecar> stream, CancellationToken ended)
    {
        await foreach (var message in _toSend.Reader.ReadAllAsync(ended))
        {
            await stream.WriteAsync(message, ended);
        }
    }

    private async Task ReportAsync(CancellationToken ended)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(5));
        while (await timer.WaitForNextTickAsync(ended))
        {
            _toSend.Writer.TryWrite(new FromSidecar { Status = Now() });
        }
    }

    private async Task ProbeAsync(CancellationToken ended)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
        var (probedAt, probedFor) = (Stopwatch.GetTimestamp(), 0u);
        while (await timer.WaitForNextTickAsync(ended))
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
