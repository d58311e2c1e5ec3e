using System.Threading.Channels;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// One sidecar's stream, seen from the inside: a slot that holds the newest message only. Whoever is slow gets the
/// newest when ready, never a queue. Beside it one place for what is passed on between sidecars, where the sender waits.
/// </summary>
public sealed class Connection(string id, string pod)
{
    private readonly Channel<Encoded> _slot = Channel.CreateBounded<Encoded>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly Channel<Encoded> _passed = Channel.CreateBounded<Encoded>(new BoundedChannelOptions(1) { SingleReader = true });

    /// <summary>Pod and instance: unique among the sidecars of a database.</summary>
    public string Id => id;

    /// <summary>Pod name, for people.</summary>
    public string Pod => pod;

    /// <summary>Why the operator ended it; empty while it lives.</summary>
    public string EndReason { get; private set; } = "";

    /// <summary>What the sidecar was last told about probing; owned by the controller.</summary>
    internal ProbeOrder? Told { get; set; }

    internal Member? Member { get; set; }

    public void Offer(Encoded message) => _slot.Writer.TryWrite(message);

    /// <summary>Waits for room, at most until the deadline; false when there was none or the connection has ended.</summary>
    public async ValueTask<bool> Pass(Encoded message, TimeSpan deadline, CancellationToken cancellation)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(deadline);
        try
        {
            await _passed.Writer.WriteAsync(message, late.Token);
            return true;
        }
        catch (Exception e) when (e is ChannelClosedException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>An answer to what was passed on; lost when the one before it has not been read yet.</summary>
    public void Reply(Encoded message) => _passed.Writer.TryWrite(message);

    /// <summary>No more messages; the stream ends after the one in the slot.</summary>
    public void End(string reason)
    {
        if (_slot.Writer.TryComplete())
        {
            EndReason = reason;
            _passed.Writer.TryComplete();
        }
    }

    /// <summary>Sends what is offered until the connection is ended.</summary>
    /// <exception cref="TimeoutException">The sidecar took no message within the deadline.</exception>
    public async Task SendAll(Func<Encoded, Task> send, TimeSpan deadline, CancellationToken cancellation)
    {
        Task<bool>? offered = null;
        Task<bool>? passed = null;
        while (true)
        {
            while (_slot.Reader.TryRead(out var message) || _passed.Reader.TryRead(out message))
            {
                await send(message).WaitAsync(deadline, cancellation);
            }
            if (offered is { IsCompleted: true } && !await offered)
            {
                return;
            }
            offered = offered is { IsCompleted: false } ? offered : _slot.Reader.WaitToReadAsync(cancellation).AsTask();
            passed = passed is { IsCompleted: false } ? passed : _passed.Reader.WaitToReadAsync(cancellation).AsTask();
            await await Task.WhenAny(offered, passed);
        }
    }
}

/// <summary>What one sidecar is told about probing.</summary>
/// <param name="IntervalMs">Time between probes; 0 for those who do not probe.</param>
/// <param name="ProbeNow">Grows when a probe is wanted at once; 0 for those who do not probe.</param>
internal readonly record struct ProbeOrder(uint IntervalMs, uint ProbeNow)
{
    public static readonly ProbeOrder None = new(0, 0);
}
