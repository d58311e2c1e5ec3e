using System.Collections.Immutable;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// Tells the connected sidecars: at once what they must know at once, with the next tick what can wait, and
/// everything again before the lease ends. Owned by the controller's loop.
/// </summary>
internal sealed class Announcer(Mode fallback, FleetTimings timings)
{
    private readonly Dictionary<string, Connection> _connections = [];
    private News? _told;
    private ProbeOrder _proberOrder;
    private ImmutableHashSet<string> _probers = [];
    private bool _newcomers;
    private DateTimeOffset _renewAt;

    /// <summary>What sidecars enter alone on their own evidence.</summary>
    public Mode Fallback { get; set; } = fallback;

    public bool Has(Connection connection) =>
        _connections.TryGetValue(connection.Id, out var current) && ReferenceEquals(current, connection);

    /// <summary>A stream of the same process that is still open is a dead one: the newer wins.</summary>
    public void Add(Connection connection)
    {
        if (_connections.TryGetValue(connection.Id, out var old))
        {
            old.End("replaced by a newer stream of the same sidecar");
        }
        _connections[connection.Id] = connection;
        _newcomers = true;
    }

    /// <summary>False when a newer stream of the same sidecar has taken its place.</summary>
    public bool Remove(Connection connection) => Has(connection) && _connections.Remove(connection.Id);

    /// <summary>Ends every stream. Whoever comes again is answered by whoever serves the database then.</summary>
    public void EndAll(string reason)
    {
        foreach (var connection in _connections.Values)
        {
            connection.End(reason);
        }
    }

    /// <param name="supervisor">What is to be told.</param>
    /// <param name="now">The time.</param>
    /// <param name="tick">News that can wait is told now.</param>
    public void Tell(Supervisor supervisor, DateTimeOffset now, bool tick)
    {
        var fleet = supervisor.Fleet();
        var news = new News(supervisor.State.Decision.Epoch, fleet.Settled, fleet.Told, Fallback);
        var all = _told is not { } told || told.Epoch != news.Epoch || (news.Settled && !told.Settled)
            || (tick && told != news) || now >= _renewAt;
        var proberOrder = new ProbeOrder(
            (uint)ProbeRequests.Interval(supervisor.State.Decision.Phase).TotalMilliseconds, supervisor.ProbeNow);
        if (!all && !_newcomers && proberOrder == _proberOrder && ReferenceEquals(fleet.Probers, _probers))
        {
            return;
        }
        if (all)
        {
            _told = news;
            _renewAt = now + timings.Renewal;
        }
        (_newcomers, _proberOrder, _probers) = (false, proberOrder, fleet.Probers);
        // Two different messages, each encoded once: for probers and for the others.
        var encoded = new Dictionary<ProbeOrder, Encoded>();
        foreach (var connection in _connections.Values)
        {
            var order = supervisor.IsProber(connection.Id) ? proberOrder : ProbeOrder.None;
            if (!all && connection.Told == order)
            {
                continue;
            }
            if (!encoded.TryGetValue(order, out var message))
            {
                encoded[order] = message = Encoded.Of(Message(supervisor.State.Decision, news, order));
            }
            connection.Told = order;
            connection.Offer(message);
        }
    }

    private Protocol.Fleet.Decision Message(Decision decision, News news, ProbeOrder order) => new()
    {
        Epoch = decision.Epoch,
        Phase = decision.Phase,
        Mode = decision.Mode,
        Reason = decision.Reason,
        LeaseMs = (uint)timings.Lease.TotalMilliseconds,
        Settled = news.Settled,
        Fleet = (uint)news.Fleet,
        LastNormalEpoch = decision.LastNormalEpoch,
        ProbeIntervalMs = order.IntervalMs,
        ProbeNow = order.ProbeNow,
        Fallback = news.Fallback,
        Relays = true,
    };

    /// <summary>What all sidecars of a database are told alike, as far as it changes.</summary>
    private readonly record struct News(ulong Epoch, bool Settled, int Fleet, Mode Fallback);
}
