using System.Diagnostics;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Journal;

namespace SessionOperator.Sidecar.Control;

/// <summary>
/// Holds the mode in force, shows it on the mode page, remembers it in the journal and tells who waits for a change.
/// All decisions are <see cref="LocalMode"/>'s.
/// </summary>
internal sealed class ModeController : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ModePage _page;
    private readonly SessionJournal _journal;
    private readonly Func<long> _unsaved;
    private readonly ILogger _log;
    private readonly Timer _clock;
    private LocalMode _state;
    private InForce? _remembered;
    private bool _leaving;
    private bool _disposed;
    private TaskCompletionSource _changed = NewSignal();

    public ModeController(ModePage page, SessionJournal journal, Func<long> unsaved, bool solitary, ILogger log)
    {
        _page = page;
        _journal = journal;
        _unsaved = unsaved;
        _log = log;
        _state = Restore(journal.InForce, solitary);
        _remembered = journal.InForce;
        if (_state.Mode == Mode.Normal)
        {
            _journal.NormalBegins();
        }

        Show();
        _clock = new Timer(_ => Tick());
        SetClock();
    }

    /// <summary>
    /// Raised after every change of the state, a renewed lease included, for loops that have nothing to do until then.
    /// Handlers must not block.
    /// </summary>
    public event Action StateChanged = () => { };

    /// <summary>The clock of all leases here: monotonic, since the machine's start.</summary>
    public static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    public LocalMode State
    {
        get { lock (_lock) { return _state; } }
    }

    /// <summary>When the mode was Normal last.</summary>
    public TimeSpan NormalUntil { get; private set; } = TimeSpan.MinValue;

    /// <summary>Ends at the next change of the state.</summary>
    public Task Changed
    {
        get { lock (_lock) { return _changed.Task; } }
    }

    /// <summary>Tells the app that this sidecar no longer answers; the mode goes on being shown.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _leaving = true;
            Show();
        }
    }

    public void Obey(Held decision) => Change(s => s.Obey(decision, Now));

    /// <summary>The stream to the operator has ended.</summary>
    public void Forsaken() => Change(s => s.Forsaken());

    /// <summary>Another pod has met an outage, and nobody is there to tell all.</summary>
    public void Follow() => Change(s => s.Follow(Now));

    /// <summary>A session was met that lives in the fallback of another pod.</summary>
    public void Join() => Change(s => s.Join(Now));

    /// <summary>The database has answered a read.</summary>
    public void Answered() => Change(s => s.Answered(Now));

    /// <summary>Another pod without an operator is in fallback.</summary>
    public void Beside() => Change(s => s.Beside(Now));

    public void Down(Evidence.Types.Verdict verdict) => Change(s => s.Down(verdict, Now));

    public void Up() => Change(s => s.Up(Now));

    /// <summary>Something that only another pod can have done was seen.</summary>
    public void Met() => Change(s => s with { Accompanied = true });

    public void Describe(string limit, bool canProbe) => Change(s => s with { Limit = limit, CanProbe = canProbe });

    /// <summary>Waits until <paramref name="condition"/> holds of the state; false when <paramref name="wait"/> passed first.</summary>
    public async Task<bool> UntilAsync(Func<LocalMode, bool> condition, TimeSpan wait)
    {
        var deadline = Task.Delay(wait);
        while (true)
        {
            var changed = Changed;
            if (condition(State))
            {
                return true;
            }

            if (await Task.WhenAny(changed, deadline) == deadline)
            {
                return condition(State);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _clock.Dispose();
        }

        _page.Show(State.Mode, ModePage.Flag.Leaving, State.Decision?.Epoch ?? 0);
        _page.Dispose();
    }

    private void Change(Func<LocalMode, LocalMode> change)
    {
        TaskCompletionSource signal;
        lock (_lock)
        {
            var before = _state;
            _state = change(before);
            if (_state == before)
            {
                return;
            }

            if (before.Mode != Mode.Normal && _state.Mode == Mode.Normal)
            {
                _journal.NormalBegins(); // before an engine that reads the page writes its first row
            }

            Show();
            Remember();
            if (before.Mode != _state.Mode)
            {
                if (before.Mode == Mode.Normal)
                {
                    _journal.NormalEnds();
                    NormalUntil = Now;
                    _state = _state with { AnsweredApart = false };
                }

                SidecarMetrics.Transitions.WithLabels(_state.Mode.ToString(), _state.Autonomous ? "local" : "operator").Inc();
                _log.ModeChanged(before.Mode, _state.Mode, _state.Decision?.Epoch ?? 0, _state.Autonomous, _state.Decision?.Reason ?? "");
            }

            SetClock();
            signal = _changed;
            _changed = NewSignal();
        }

        signal.SetResult();
        StateChanged();
    }

    private void Tick()
    {
        Change(s => s.At(Now, _unsaved()));
        lock (_lock)
        {
            SetClock();
        }
    }

    // No clock ticks in Normal: the app's processor is not woken for nothing.
    private void SetClock()
    {
        var now = Now;
        // A lease has run out after its last instant, and a timer may be early by a millisecond.
        var wait = _state.NextLook(now) is { } at ? TimeSpan.FromMilliseconds(Math.Max(1, (at - now).TotalMilliseconds + 1)) : Timeout.InfiniteTimeSpan;
        if (!_disposed)
        {
            _clock.Change(wait, Timeout.InfiniteTimeSpan);
        }
    }

    private void Show()
    {
        var flags = (_state.Readable ? ModePage.Flag.Readable : ModePage.Flag.None)
            | (_state.Silent ? ModePage.Flag.Silent : ModePage.Flag.None)
            | (_state.Autonomous ? ModePage.Flag.Autonomous : ModePage.Flag.None)
            | (_state.Unattended ? ModePage.Flag.Unattended : ModePage.Flag.None)
            | (_leaving ? ModePage.Flag.Leaving : ModePage.Flag.None);
        _page.Show(_state.Mode, flags, _state.Decision?.Epoch ?? 0);
        SidecarMetrics.Mode.Set((int)_state.Mode);
        SidecarMetrics.Epoch.Set(_state.Decision?.Epoch ?? 0);
        SidecarMetrics.Autonomous.Set(_state.Autonomous ? 1 : 0);
    }

    // Renewals change only the lease and are not worth an fsync.
    private void Remember()
    {
        var now = new InForce(
            _state.Decision?.Epoch ?? 0, (int)_state.Mode, _state.Decision?.LastNormalEpoch ?? 0,
            _state.Decision?.Settled ?? false, (int)(_state.Decision?.Fallback ?? Mode.Cache), _state.Accompanied);
        if (now != _remembered)
        {
            _remembered = now;
            _ = RememberAsync(now);
        }
    }

    private async Task RememberAsync(InForce inForce)
    {
        try
        {
            await _journal.PutAsync(inForce);
        }
        catch (IOException e)
        {
            // What is remembered only speeds up a restart: the operator says it again.
            _log.JournalWriteFailed(e.Message);
        }
    }

    private static LocalMode Restore(InForce? last, bool solitary)
    {
        if (last is null)
        {
            return new LocalMode { Solitary = solitary };
        }

        // The lease has run out by definition: what was a fallback goes on by our own evidence until the operator speaks.
        var mode = (Mode)last.Mode;
        var held = new Held(last.Epoch, Phase.Unknown, mode, "as before the sidecar's restart", TimeSpan.Zero, last.Settled, 0,
            last.LastNormalEpoch, (Mode)last.Fallback);
        return new LocalMode { Decision = held, Solitary = solitary, Accompanied = last.Accompanied, RowsWritten = last.Epoch }.At(Now, long.MaxValue);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
