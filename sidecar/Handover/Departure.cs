using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Handover;

/// <summary>
/// A sidecar that was told to stop: serves its app while that is still there, hands over what the database has not seen, and keeps
/// trying until everything is kept elsewhere, the database has it, or the grace period is over.
/// </summary>
internal sealed class Departure(
    SessionJournal journal, Replayer replayer, ModeController mode, HandoverLink link, AppDoor door, Func<bool> cacheAnswers,
    TimeSpan grace, ILogger log)
{
    private static readonly TimeSpan LongestReserve = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AnswerWait = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ReconnectPause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan KeepsakeTime = TimeSpan.FromSeconds(1);

    // What somebody keeps, by what it is, with its version: a later change of the same session is handed over again.
    private readonly Dictionary<string, long> _kept = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private TimeSpan _ends;
    private TimeSpan _reconnected;
    private bool _served = true;
    private int _failures;

    public bool Leaving { get; private set; }

    /// <summary>Nobody takes it: how many changes that are unsaved still.</summary>
    public long Stranded { get; private set; }

    /// <summary>The process is about to end.</summary>
    public bool LastWord { get; private set; }

    /// <summary>What is newest here although the cache does not tell.</summary>
    public SoleRecords Sole { get; init; } = new();

    /// <summary>Changes that neither the database nor another sidecar has.</summary>
    public long Unsaved => Leaving ? Remaining().Count : replayer.Unsaved;

    /// <summary>Called to look for another replica of the operator, where others may be connected.</summary>
    public Action Reconnect { get; set; } = () => { };

    /// <summary>Ends at once when nothing is unsaved and the mode is Normal.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        _ends = ModeController.Now + grace;
        var reserve = TimeSpan.FromTicks(Math.Min(LongestReserve.Ticks, grace.Ticks / 4));
        _reconnected = ModeController.Now;
        if (Remaining().Count == 0 && (mode.State.Mode == Mode.Normal || (door.Connections == 0 && Keepsakes().Count == 0)))
        {
            return;
        }

        Leaving = true;
        link.Wake();
        log.Leaving(Remaining().Count, grace);
        while (mode.State.Mode != Mode.Normal && door.Connections > 0 && ModeController.Now < _ends - reserve)
        {
            await StepAsync(cancel);
        }

        mode.Leave();
        await door.CloseAsync(reserve / 3);
        _served = false;
        while (Remaining().Count > 0 && ModeController.Now < _ends)
        {
            await StepAsync(cancel);
        }

        await HandOverKeepsakesAsync(cancel);
        Count();
        LastWord = true;
        if (Stranded > 0)
        {
            log.LeftBehind(Stranded);
        }
        else
        {
            log.Left();
        }
    }

    private async Task StepAsync(CancellationToken cancel)
    {
        var batch = Ready() ? HandoverBatch.Encode(Remaining().OrderByDescending(e => e.Record is { Deleted: true })) : default;
        if (batch.Entries is { Count: > 0 })
        {
            var refusal = link.Relays ? await link.SendAsync(batch.Bytes, AnswerWait, cancel) : "not connected to an operator that passes it on";
            if (refusal.Length == 0)
            {
                Keep(batch.Entries);
                return;
            }

            Refused(refusal);
        }

        Count();
        await Task.Delay(Pause, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Keep(List<HandedEntry> entries)
    {
        lock (_lock)
        {
            foreach (var (identity, version) in entries.Select(e => e.Mark))
            {
                _kept[identity] = version;
            }
        }

        SidecarMetrics.HandedOver.WithLabels("out").Inc(entries.Count);
        _failures = 0;
        Count();
    }

    private void Refused(string why)
    {
        if (_failures++ == 0)
        {
            log.HandoverRefused(why);
        }

        Stranded = Remaining().Count;
        SidecarMetrics.Stranded.Set(Stranded);
        // Not at the end, when the operator is to hear the last word.
        if (ModeController.Now - _reconnected > ReconnectPause && _ends - ModeController.Now > ReconnectPause && mode.State.Decision is { Fleet: > 1 })
        {
            _reconnected = ModeController.Now;
            Reconnect();
        }
    }

    // Once something was refused the figure follows what is left of it.
    private void Count()
    {
        if (Stranded > 0 || LastWord || _failures > 0)
        {
            Stranded = Remaining().Count;
            SidecarMetrics.Stranded.Set(Stranded);
        }
    }

    // Logouts the database knows of: other pods' older copies must lose to them as long as the outage lasts. Worth a try, not a wait.
    private async Task HandOverKeepsakesAsync(CancellationToken cancel)
    {
        var ends = TimeSpan.FromTicks(Math.Min(_ends.Ticks, (ModeController.Now + KeepsakeTime).Ticks));
        while (mode.State.Mode != Mode.Normal && link.Relays && ModeController.Now < ends
            && HandoverBatch.Encode(Keepsakes()) is { Entries: { Count: > 0 } entries } batch)
        {
            if ((await link.SendAsync(batch.Bytes, ends - ModeController.Now, cancel)).Length > 0)
            {
                return;
            }

            Keep(entries);
        }
    }

    // Best while every pod is known to obey the fallback: then the receiver can vouch for what it takes. The database itself is
    // better still when it is being brought up to date. In the second half of the grace period anything is better than nothing.
    private bool Ready()
    {
        var state = mode.State;
        // Without the cache nothing orders the writes of two pods: no second copy while the app may still change the first.
        return (!_served || cacheAnswers())
            && (ModeController.Now >= _ends - grace / 2 || (!state.Draining && state.Decision is { Settled: true, Mode: not Mode.Normal }));
    }

    private List<HandedEntry> Remaining() =>
        NotKept([.. journal.AllRecords().Where(r => !r.Clean).Select(Entry), .. journal.PendingRows().Select(r => new HandedEntry { Row = r })]);

    private List<HandedEntry> Keepsakes() =>
        NotKept([.. journal.AllRecords().Where(r => r is { Clean: true, Deleted: true } && r.Epoch >= mode.State.Decision?.LastNormalEpoch).Select(Entry)]);

    private HandedEntry Entry(SessionRecord record) => new() { Record = record, Fence = (int)journal.FenceOf(record.Key), Sole = Sole.Holds(record.Key) };

    private List<HandedEntry> NotKept(List<HandedEntry> entries)
    {
        lock (_lock)
        {
            entries.RemoveAll(e => _kept.TryGetValue(e.Mark.Identity, out var version) && version >= e.Mark.Version);
        }

        return entries;
    }
}
