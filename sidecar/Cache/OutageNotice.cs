using System.Security.Cryptography;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// What pods without an operator tell each other of an outage, through the shared cache: one that is in Cache leaves word of it, one
/// in Normal follows (each outage once, or pods that follow each other would never be done), and one that drains waits for the rest.
/// With an operator, nothing is read or written.
/// </summary>
internal sealed class OutageNotice(ModeController mode, Backends backends, ILogger log)
{
    private const string Name = "outage";
    private const int MostKnown = 256;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(3);

    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly WakeSignal _wake = new();
    private string? _outage;
    private string? _last;

    /// <summary>Looks, and leaves word, while there is no operator; until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        mode.StateChanged += _wake.Set;
        while (!cancel.IsCancellationRequested)
        {
            var looks = mode.State.Unattended && backends.Current?.Cache is not null;
            if (!looks)
            {
                _outage = null;
            }
            else
            {
                try
                {
                    await LookAsync(backends.Current!.Cache!, cancel);
                }
                catch (CacheUnavailableException e)
                {
                    log.CacheUnavailable(e.Message);
                }
            }

            await _wake.WaitAsync(looks ? Interval : Timeout.InfiniteTimeSpan, cancel);
        }
    }

    private async Task LookAsync(RecordCache cache, CancellationToken cancel)
    {
        var word = await cache.NoticeAsync(Name, cancel);
        var news = word is not null && word != _last;
        _last = word;
        var outage = word?.Split('.')[0];
        if (_known.Count > MostKnown)
        {
            _known.Clear();
        }

        switch (mode.State.Mode)
        {
            case Mode.Normal:
                _outage = null;
                if (outage is not null && _known.Add(outage))
                {
                    _outage = outage;
                    log.OutageFollowed();
                    mode.Follow();
                }

                break;
            case Mode.Cache:
                _outage ??= outage is not null && !_known.Contains(outage) ? outage : Draw();
                _known.Add(_outage);
                _last = $"{_outage}.{Draw()}";
                await cache.SetNoticeAsync(Name, _last, Life, cancel);
                break;
            case Mode.Drain when news:
                _known.Add(outage!);
                mode.Beside();
                break;
        }
    }

    private static string Draw() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
}
