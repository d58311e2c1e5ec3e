using System.Threading.Channels;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// One sidecar's stream, seen from the inside: a slot that holds the newest message only. Whoever is slow gets the
/// newest when ready, never a queue.
/// </summary>
public sealed class Connection(string id, string pod)
{
    private readonly Channel<Encoded> _slot = Channel.CreateBounded<Encoded>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

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

    /// <summary>No more messages; the stream ends after the one in the slot.</summary>
    public void End(string reason)
    {
        if (_slot.Writer.TryComplete())
        {
            EndReason = reason;
        }
    }

    /// <summary>Sends what is offered until the connection is ended.</summary>
    /// <exception cref="TimeoutException">The sidecar took no message within the deadline.</exception>
    public async Task SendAll(Func<Encoded, Task> send, TimeSpan deadline, CancellationToken cancellation)
    {
        await foreach (var message in _slot.Reader.ReadAllAsync(cancellation))
        {
            await send(message).WaitAsync(deadline, cancellation);
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
