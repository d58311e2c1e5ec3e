using System.Security.Cryptography;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// Notices that the shared cache lost its content (a restart, a flush) or was away while sessions are kept in it, and publishes the
/// journal again. Until every pod had the time to do so, a miss in the cache does not mean "not logged out".
/// </summary>
internal sealed class CacheCanary(ModeController mode, Backends backends, Replayer replayer, RecoveredRecords recovered, ILogger log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Four rounds of every other pod's own canary.</summary>
    private static readonly TimeSpan RepublishTime = TimeSpan.FromSeconds(1);

    private readonly string _name = "canary." + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly Lock _lock = new();
    private readonly WakeSignal _wake = new();
    private Task _looking = Task.CompletedTask;
    private bool _set;
    private volatile bool _away;
    private TimeSpan _blindUntil;
    private bool _answered;
    private TimeSpan? _lostAt;

    /// <summary>The cache was emptied in this fallback: that an entry of the engine's is missing says nothing of its session.</summary>
    public bool EntriesLost { get; private set; }

    /// <summary>What is newest here although the cache does not tell.</summary>
    public SoleRecords Sole { get; } = new();

    /// <summary>
    /// Whether what the cache says can be believed; asks it. Not while another pod may hold a newer state or a tombstone and the
    /// cache does not answer, or was emptied or away a moment ago.
    /// </summary>
    public async Task<bool> CountsAsync(CancellationToken cancel)
    {
        if (mode.State.Unaccompanied || backends.Current?.Cache is not { } cache)
        {
            return true;
        }

        try
        {
            await LookAsync(cache).WaitAsync(cancel);
            return ModeController.Now >= _blindUntil;
        }
        catch (CacheUnavailableException e)
        {
            log.CacheUnavailable(e.Message);
            return false;
        }
    }

    /// <summary>The cache did not take a record that is in the journal by now: it is published when the cache answers.</summary>
    /// <param name="key">The session.</param>
    /// <param name="created">The record is that of a session that was created by it.</param>
    public void Missed(string key, bool created)
    {
        SidecarMetrics.Degraded.Inc();
        _away = true;
        lock (_lock)
        {
            Lost();
            Sole.Add(key, created, _answered ? ModeController.Now - (_lostAt ?? ModeController.Now) : null);
        }
    }

    /// <summary>Watches while the mode is not Normal, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        mode.StateChanged += _wake.Set;
        while (!cancel.IsCancellationRequested)
        {
            if (mode.State.Mode is Mode.Cache or Mode.Drain && backends.Current?.Cache is { } cache)
            {
                try
                {
                    await LookAsync(cache);
                }
                catch (CacheUnavailableException e)
                {
                    log.CacheUnavailable(e.Message);
                }
            }
            else
            {
                Forget();
            }

            // Looked at once when a fallback begins: what the cache did then tells what may have been missed.
            await _wake.WaitAsync(mode.State.Mode is Mode.Cache or Mode.Drain ? Interval : Timeout.InfiniteTimeSpan, cancel);
        }
    }

    // Many loads may miss at once: one look answers them all, so none of them may cancel it.
    private Task LookAsync(RecordCache cache)
    {
        lock (_lock)
        {
            return _looking.IsCompleted ? _looking = LookOnceAsync(cache, CancellationToken.None) : _looking;
        }
    }

    private async Task LookOnceAsync(RecordCache cache, CancellationToken cancel)
    {
        await Task.Yield();
        try
        {
            var kept = _set && await cache.HasMarkAsync(_name, cancel);
            if (kept && !_away)
            {
                Answered();
                return;
            }

            EntriesLost |= _set && !kept;
            var lost = _set || _away;
            _away = false; // before publishing: what is missed from here on is published the next time
            if (lost)
            {
                _blindUntil = ModeController.Now + RepublishTime;
            }

            await cache.SetMarkAsync(_name, cancel);
            if (lost)
            {
                log.CacheLostItsContent();
                await recovered.DoubtAllAsync(cancel);
                if (!await replayer.PublishAsync(cancel))
                {
                    _away = true;
                    return;
                }
            }

            _set = true;
            Answered();
        }
        catch (CacheUnavailableException)
        {
            _away = true; // and what was saved meanwhile is in journals alone
            Lost();
            throw;
        }
    }

    private void Answered()
    {
        lock (_lock)
        {
            _answered = true;
            _lostAt = null;
            if (ModeController.Now >= _blindUntil)
            {
                AbsenceOver();
            }
        }
    }

    private void Lost()
    {
        lock (_lock)
        {
            if (_answered && _lostAt is null)
            {
                _lostAt = ModeController.Now;
                AbsenceOver();
            }
        }
    }

    // What was newest in one absence may have been changed elsewhere before the next.
    private void AbsenceOver() => Sole.Clear();

    private void Forget()
    {
        lock (_lock)
        {
            _set = _away = _answered = EntriesLost = false;
            _lostAt = null;
            Sole.Clear();
        }
    }
}
