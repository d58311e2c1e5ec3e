using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>A sidecar's end of a real stream. It reads all the time and remembers every decision; acks and probes are the test's to send.</summary>
internal sealed class Sidecar : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<FromSidecar, FromOperator> _call;
    private readonly Lock _lock = new();
    private readonly List<Decision> _told = [];
    private readonly Task _reading;
    private long _heardAt = Stopwatch.GetTimestamp();

    private Sidecar(string address)
    {
        _channel = GrpcChannel.ForAddress(address);
        _call = new Fleet.FleetClient(_channel).Connect();
        _reading = Read();
    }

    public IReadOnlyList<Decision> Told
    {
        get
        {
            lock (_lock)
            {
                return [.. _told];
            }
        }
    }

    /// <summary>How long ago it was told something, be it the same again.</summary>
    public TimeSpan Silence => Stopwatch.GetElapsedTime(Interlocked.Read(ref _heardAt));

    public Decision? Newest => Told is { Count: > 0 } told ? told[^1] : null;

    /// <summary>Why the operator refused it, or how the stream ended.</summary>
    public string Ended { get; private set; } = "";

    public static async Task<Sidecar> Join(string address, string database, string pod, ulong epoch = 0, Mode mode = Mode.Normal, ulong lastNormal = 0,
        Protocol.Fleet.Status? status = null)
    {
        var sidecar = new Sidecar(address);
        await sidecar.Send(new FromSidecar
        {
            Hello = new Hello
            {
                Protocol = 1,
                Database = database,
                Pod = pod,
                Instance = "1",
                Epoch = epoch,
                Mode = mode,
                LastNormalEpoch = lastNormal,
                Status = status ?? new Protocol.Fleet.Status { AdapterLoaded = true },
            },
        });
        return sidecar;
    }

    public Task Probe(Evidence.Types.Verdict verdict, string server = "server-1") => Send(new FromSidecar
    {
        Evidence = new Evidence { Source = Evidence.Types.Source.Probe, Verdict = verdict, ServerIdentity = server },
    });

    /// <summary>A session save of its app was refused.</summary>
    public Task Refused(Evidence.Types.Verdict verdict) => Send(new FromSidecar
    {
        Evidence = new Evidence { Source = Evidence.Types.Source.App, Verdict = verdict },
    });

    public Task Ack(ulong epoch) => Send(new FromSidecar { Ack = new Ack { Epoch = epoch } });

    public Task Unsaved(ulong unsaved) => Report(new Protocol.Fleet.Status { AdapterLoaded = true, Unsaved = unsaved });

    public Task Report(Protocol.Fleet.Status status) => Send(new FromSidecar { Status = status });

    public async ValueTask DisposeAsync()
    {
        _call.Dispose();
        await _reading;
        _channel.Dispose();
    }

    private Task Send(FromSidecar message) => _call.RequestStream.WriteAsync(message);

    private async Task Read()
    {
        try
        {
            while (await _call.ResponseStream.MoveNext(CancellationToken.None))
            {
                if (_call.ResponseStream.Current.Decision is { } decision)
                {
                    Interlocked.Exchange(ref _heardAt, Stopwatch.GetTimestamp());
                    lock (_lock)
                    {
                        _told.Add(decision);
                    }
                }
                else if (_call.ResponseStream.Current.Refusal is { } refusal)
                {
                    Ended = refusal.Code;
                }
            }
            Ended = Ended.Length > 0 ? Ended : "the stream ended without a word";
        }
        catch (RpcException ended)
        {
            Ended = Ended.Length > 0 ? Ended : ended.Status.Detail;
        }
    }
}
