using System.Security.Cryptography;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// Notices that the shared cache lost its content (a restart, a flush) while sessions are kept in it, and publishes the journal
/// again. Until every pod had the time to do so, a miss in the cache does not mean "not logged out".
/// </summary>
internal sealed class CacheCanary(ModeController mode, Backends backends, Replayer replayer, ILogger log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Four rounds of every other pod's own canary.</summary>
    private static readonly TimeSpan RepublishTime = TimeSpan.FromSeconds(1);

    private readonly string _name = "canary." + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly Lock _lock = new();
    private readonly WakeSignal _wake = new();
    private Task _looking = Task.CompletedTask;
    private bool _set;
    private TimeSpan _blindUntil;

    /// <summary>Whether a miss in the cache can be believed; asks the cache itself.</summary>
    /// <exception cref="CacheUnavailableException">The cache does not answer.</exception>
    public async Task<bool> MissCountsAsync(RecordCache cache, CancellationToken cancel)
    {
        await LookAsync(cache).WaitAsync(cancel);
        return ModeController.Now >= _blindUntil;
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
                _set = false;
            }

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
        if (_set && await cache.HasMarkAsync(_name, cancel))
        {
            return;
        }

        if (_set)
        {
            _blindUntil = ModeController.Now + RepublishTime;
            log.CacheLostItsContent();
            await replayer.PublishAsync(cancel);
        }

        await cache.SetMarkAsync(_name, cancel);
        _set = true;
    }
}
