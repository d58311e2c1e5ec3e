using SessionOperator.Operator.Metrics;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// Passes what a leaving sidecar holds to one that stays: part by part, nothing is stored here. Who keeps a batch is chosen when
/// its first part comes; the sender hears of success only from the receiver's own word. Thread-safe.
/// </summary>
/// <param name="database">"namespace/name".</param>
/// <param name="time">Times waits.</param>
/// <param name="metrics">The database's.</param>
/// <param name="log">For people.</param>
/// <param name="stranded">Hears, once each, of changes that nobody takes and of those that have left. Must not wait.</param>
internal sealed partial class Relay(string database, TimeProvider time, DatabaseMetrics metrics, ILogger log, Action<StrandedChanges>? stranded = null)
{
    /// <summary>Who refused, fell silent or went away is not asked again by the same sender for this long.</summary>
    private static readonly TimeSpan s_avoidance = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<Connection, Seat> _seats = [];

    // Another replica's numbers are others: a late word about one of its batches must mean nothing here.
    private ulong _batches = (ulong)Random.Shared.NextInt64();

    public void Join(Connection connection, Status? status)
    {
        lock (_lock)
        {
            _seats[connection] = new Seat(connection) { Said = status ?? new Status() };
        }
    }

    public void Report(Connection connection, Status status)
    {
        lock (_lock)
        {
            if (_seats.TryGetValue(connection, out var seat))
            {
                if (status.Stranded > 0 && seat.Said.Stranded == 0)
                {
                    Stranded(database, connection.Pod, status.Stranded);
                    stranded?.Invoke(new StrandedChanges(connection.Pod, status.Stranded, HaveLeft: false));
                }
                if (status is { LastWord: true, Stranded: > 0 } && !seat.Said.LastWord)
                {
                    metrics.Stranded(status.Stranded);
                    LeftBehind(database, connection.Pod, status.Stranded);
                    stranded?.Invoke(new StrandedChanges(connection.Pod, status.Stranded, HaveLeft: true));
                }
                seat.Said = status;
            }
        }
    }

    public void Leave(Connection connection)
    {
        lock (_lock)
        {
            if (!_seats.Remove(connection, out var seat))
            {
                return;
            }
            if (seat.Taking is { } taking)
            {
                Fail(taking, "the sidecar that was to keep it went away");
            }
            if (seat.Giving is { } giving)
            {
                giving.To.Taking = null;
            }
        }
    }

    /// <summary>Passes one part on; waits for the receiver's stream to take it, so that a sender is never faster than its receiver.</summary>
    public async ValueTask Pass(Connection from, HandoverPart part, TimeSpan deadline, CancellationToken cancellation)
    {
        Transfer? transfer;
        lock (_lock)
        {
            transfer = _seats.TryGetValue(from, out var seat) ? Of(seat, part.Batch) : null;
        }
        if (transfer is null)
        {
            return;
        }
        var message = Encoded.Of(new HandoverPart { Batch = transfer.Number, Data = part.Data, Last = part.Last });
        if (!await transfer.To.Connection.Pass(message, deadline, cancellation))
        {
            lock (_lock)
            {
                if (transfer.To.Taking == transfer)
                {
                    Fail(transfer, "the sidecar that was to keep it took no message in time");
                }
            }
        }
    }

    /// <summary>The receiver's word about a batch goes back to its sender.</summary>
    public void Settle(Connection by, HandoverResult result)
    {
        lock (_lock)
        {
            if (!_seats.TryGetValue(by, out var seat) || seat.Taking is not { } transfer || transfer.Number != result.Batch)
            {
                return; // a late word about a batch that is under way to somebody else by now
            }
            if (!result.Kept)
            {
                Fail(transfer, Checks.Line(result.Refusal, 200));
                return;
            }
            Release(transfer);
            metrics.HandedOver("kept");
            Answer(transfer.From, transfer.Batch, "");
        }
    }

    private Transfer? Of(Seat from, ulong batch)
    {
        if (from.Giving is { } under && under.Batch == batch)
        {
            return under;
        }
        if (from.Turned == batch)
        {
            return null; // the rest of a batch that has been answered
        }
        if (from.Giving is { } unanswered)
        {
            // The sender gave up waiting: whoever was to keep it is silent.
            Fail(unanswered, "no answer came");
        }
        from.Turned = batch;
        if (Receiver(from, out var why) is not { } receiver)
        {
            metrics.HandedOver("refused");
            Answer(from, batch, why);
            return null;
        }
        return from.Giving = receiver.Taking = new Transfer(from, receiver, batch, ++_batches);
    }

    private Seat? Receiver(Seat from, out string why)
    {
        var now = time.GetUtcNow();
        var able = _seats.Values.Where(s => s != from && s.Said is { Leaving: false, AdapterLoaded: true }
            && s.Said.Store.Length > 0 && s.Said.Store == from.Said.Store).ToList();
        why = able.Count == 0 ? "no other sidecar of this session table is connected to this operator" : "every other sidecar is busy or refused just now";
        return able.Where(s => s.Taking is null && !(from.Avoided.TryGetValue(s.Connection.Id, out var until) && now < until))
            .OrderBy(s => s.Said.Autonomous).ThenBy(s => s.Said.FallbackLimit.Length > 0).ThenBy(s => s.Said.Unsaved)
            .ThenBy(s => s.Connection.Id, StringComparer.Ordinal).FirstOrDefault();
    }

    private void Fail(Transfer transfer, string why)
    {
        Release(transfer);
        transfer.From.Avoided[transfer.To.Connection.Id] = time.GetUtcNow() + s_avoidance;
        metrics.HandedOver("refused");
        Answer(transfer.From, transfer.Batch, why);
    }

    private static void Release(Transfer transfer)
    {
        transfer.From.Giving = null;
        transfer.To.Taking = null;
    }

    // A sender that does not read its answer sends the batch again, which harms nobody.
    private static void Answer(Seat to, ulong batch, string refusal) =>
        to.Connection.Reply(Encoded.Of(new HandoverResult { Batch = batch, Kept = refusal.Length == 0, Refusal = refusal }));

    /// <summary>A connected sidecar, as giver and as taker.</summary>
    private sealed class Seat(Connection connection)
    {
        public Connection Connection => connection;

        public required Status Said { get; set; }

        public Transfer? Giving { get; set; }

        public Transfer? Taking { get; set; }

        /// <summary>The batch last begun: what still comes of it after its answer is ignored.</summary>
        public ulong? Turned { get; set; }

        public Dictionary<string, DateTimeOffset> Avoided { get; } = [];
    }

    /// <param name="From">The leaving sidecar.</param>
    /// <param name="To">The one that stays.</param>
    /// <param name="Batch">The sender's number.</param>
    /// <param name="Number">Ours, unique here.</param>
    private sealed record Transfer(Seat From, Seat To, ulong Batch, ulong Number);

    [LoggerMessage(
        EventId = 20, Level = LogLevel.Error,
        Message = "{Database}: {Pod} is leaving with {Count} unsaved session changes that no other sidecar takes; it keeps trying until its grace period ends")]
    private partial void Stranded(string database, string pod, ulong count);

    [LoggerMessage(
        EventId = 21, Level = LogLevel.Error,
        Message = "{Database}: {Pod} has left and {Count} unsaved session changes with it; they are in its journal, if its volume still exists")]
    private partial void LeftBehind(string database, string pod, ulong count);
}
