using System.Threading.Channels;
using Grpc.Core;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Handover;
using Status = SessionOperator.Protocol.Fleet.Status;

namespace SessionOperator.Sidecar.Control;

/// <summary>Who this sidecar is to the operator.</summary>
internal sealed record Identity(string Database, string Pod, string Instance, string Version);

/// <summary>
/// The stream to the operator: says hello, obeys decisions, acks them, and sends evidence and status. Reconnects for ever,
/// with jitter and at most two seconds between tries; without it the sidecar goes on by its own evidence.
/// </summary>
internal sealed class FleetStream(
    FleetChannel channel, Identity identity, ModeController mode, Func<Status> status, Func<Task> publish, ILogger log)
{
    /// <summary>The protocol version of fleet.proto.</summary>
    public const uint ProtocolVersion = 1;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstWord = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StatusInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StatusLook = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan QuietLook = TimeSpan.FromSeconds(1);

    private readonly Channel<Evidence> _evidence = Channel.CreateBounded<Evidence>(
        new BoundedChannelOptions(64) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly WakeSignal _wake = new();
    private ulong _acked;
    private uint _probeNow;
    private CancellationTokenSource? _talk;
    private volatile bool _lastWord;

    /// <summary>The operator is connected and has spoken on this connection.</summary>
    public bool Connected { get; private set; }

    /// <summary>What sidecars hand to each other on this stream.</summary>
    public HandoverLink Handover { get; } = new();

    /// <summary>Called with the probing the operator orders: the interval, and whether to probe at once.</summary>
    public Action<TimeSpan, bool> OnProbeOrder { get; set; } = (_, _) => { };

    /// <summary>Sends an observation, or drops it when nobody listens: it would be old when somebody does.</summary>
    public void Send(Evidence evidence)
    {
        if (Connected)
        {
            _evidence.Writer.TryWrite(evidence);
            _wake.Set();
        }
    }

    /// <summary>Sends the status soon.</summary>
    public void StatusChanged() => _wake.Set();

    /// <summary>Ends the stream and opens another one, over a new connection: perhaps to another replica of the operator.</summary>
    public void Reconnect()
    {
        try
        {
            Volatile.Read(ref _talk)?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself this very moment: the next one is on its way.
        }
    }

    /// <summary>Sends the status once more and ends the stream in order; waits for that as long as <paramref name="wait"/>.</summary>
    public async Task EndAsync(TimeSpan wait)
    {
        _lastWord = true;
        _wake.Set();
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var ends = ModeController.Now + wait; Connected && ModeController.Now < ends;)
        {
            await look.WaitForNextTickAsync();
        }
    }

    /// <summary>Keeps a stream open until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        Handover.Wake = _wake.Set;
        mode.StateChanged += _wake.Set;
        var failures = 0;
        while (!cancel.IsCancellationRequested && !_lastWord)
        {
            try
            {
                await TalkAsync(() => failures = 0, cancel);
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied)
            {
                if (failures++ == 0)
                {
                    log.OperatorRefused(e.StatusCode.ToString(), e.Status.Detail);
                }
            }
            catch (Exception e) when (e is RpcException or IOException or HttpRequestException or UnauthorizedAccessException)
            {
                if (failures++ == 0)
                {
                    log.OperatorUnreachable(channel.Address, e is RpcException rpc ? rpc.Status.Detail : e.Message);
                }
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                failures++;
            }

            Connected = false;
            mode.Forsaken();
            SidecarMetrics.Connected.Set(0);
            var ceiling = Math.Min(LongestPause.TotalMilliseconds, 100 * Math.Pow(2, Math.Min(failures, 6)));
            await Task.Delay(TimeSpan.FromMilliseconds(ceiling * (0.5 + Random.Shared.NextDouble() / 2)), cancel)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TalkAsync(Action heard, CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var connection = channel.Open();
        using var call = new Fleet.FleetClient(connection).Connect(await channel.HeadersAsync(cancel), cancellationToken: ending.Token);
        var state = mode.State;
        await call.RequestStream.WriteAsync(new FromSidecar
        {
            Hello = new Hello
            {
                Protocol = ProtocolVersion,
                Database = identity.Database,
                Pod = identity.Pod,
                Instance = identity.Instance,
                Version = identity.Version,
                Epoch = state.Decision?.Epoch ?? 0,
                Mode = state.Mode,
                LastNormalEpoch = state.Decision?.LastNormalEpoch ?? 0,
                Status = status(),
            },
        }, ending.Token);
        _acked = 0;
        Volatile.Write(ref _talk, ending);
        var writing = WriteAsync(call.RequestStream, ending.Token);
        try
        {
            var silence = FirstWord;
            while (true)
            {
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
                deadline.CancelAfter(silence);
                if (!await call.ResponseStream.MoveNext(deadline.Token))
                {
                    return;
                }

                if (call.ResponseStream.Current.BodyCase == FromOperator.BodyOneofCase.Refusal)
                {
                    var refusal = call.ResponseStream.Current.Refusal;
                    log.OperatorRefused(refusal.Code, refusal.Message);
                    await Task.Delay(LongestPause, cancel);
                    return;
                }

                if (call.ResponseStream.Current.Trust is { } trust)
                {
                    channel.Keep(trust.Authorities, log);
                }

                if (call.ResponseStream.Current.Handover is { } part)
                {
                    Handover.Arrived(part);
                }

                if (call.ResponseStream.Current.HandoverResult is { } result)
                {
                    Handover.Arrived(result);
                }

                if (call.ResponseStream.Current.Decision is { } decision)
                {
                    heard();
                    Handover.Relays = decision.Relays;
                    Connected = true;
                    SidecarMetrics.Connected.Set(1);
                    silence = TimeSpan.FromMilliseconds(Math.Max(2000, decision.LeaseMs));
                    await ObeyAsync(decision);
                }
            }
        }
        finally
        {
            Volatile.Write(ref _talk, null);
            Handover.Broken();
            Connected = false;
            await ending.CancelAsync();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ObeyAsync(Decision decision)
    {
        mode.Obey(new Held(
            decision.Epoch, decision.Phase, decision.Mode, decision.Reason,
            ModeController.Now + TimeSpan.FromMilliseconds(decision.LeaseMs), decision.Settled, decision.Fleet,
            decision.LastNormalEpoch, decision.Fallback));
        var now = decision.ProbeNow != _probeNow;
        _probeNow = decision.ProbeNow;
        OnProbeOrder(TimeSpan.FromMilliseconds(decision.ProbeIntervalMs), now);
        if (decision.Epoch != _acked && mode.State.Decision?.Epoch == decision.Epoch)
        {
            if (decision.Mode == Mode.Drain)
            {
                await publish();
            }

            _acked = decision.Epoch;
            _wake.Set();
        }
    }

    private async Task WriteAsync(IClientStreamWriter<FromSidecar> stream, CancellationToken cancel)
    {
        var acked = 0UL;
        Status? sent = null;
        var sentAt = TimeSpan.Zero;
        while (!cancel.IsCancellationRequested)
        {
            if (_acked != acked)
            {
                acked = _acked;
                await stream.WriteAsync(new FromSidecar { Ack = new Ack { Epoch = acked } }, cancel);
            }

            while (_evidence.Reader.TryRead(out var evidence))
            {
                await stream.WriteAsync(new FromSidecar { Evidence = evidence }, cancel);
            }

            var last = _lastWord;
            await SayStatusAsync();
            while (Handover.TryTake(out var message))
            {
                // Whoever hands something over counts it no more when it hears of it: by then the operator has to know it is counted here.
                await SayStatusAsync();
                await stream.WriteAsync(message, cancel);
            }

            if (last)
            {
                await stream.CompleteAsync();
                return;
            }

            // Status is full state and may be late; sent when it changed. What changes it in Normal wakes us, or can wait.
            var quiet = sent is { Mode: Mode.Normal, Unsaved: 0, Leaving: false };
            await _wake.WaitAsync(quiet ? QuietLook : StatusLook, cancel);
        }

        async Task SayStatusAsync()
        {
            var current = status();
            if (!current.Equals(sent) || ModeController.Now - sentAt >= StatusInterval)
            {
                sent = current;
                sentAt = ModeController.Now;
                await stream.WriteAsync(new FromSidecar { Status = current }, cancel);
            }
        }
    }
}
