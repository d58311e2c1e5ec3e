namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>What happens between two attempts: how long to wait, where to go on, what to say.</summary>
public sealed partial class ResourceWatch<T>
{
    private EndReason? _trouble;
    private long _troubleSince;
    private long? _missingSince;
    private bool _absent;

    private async Task RecoverAsync(WatchEnd end, CancellationToken stopping)
    {
        if (end.Reason == EndReason.Closed)
        {
            return;
        }
        _failures += end.Reason is EndReason.Empty or EndReason.Reset or EndReason.ServerError ? 1 : 0;
        if (end.Relist || _failures >= FailuresBeforeRelist)
        {
            (_version, _failures) = (null, 0);
        }
        if (end.Reason == EndReason.NotInstalled)
        {
            await NotInstalledAsync(end, stopping);
            return;
        }
        Tell(end);
        Health.Enter(WatchState.Retrying, end.Detail);
        var pause = _backoff.Next();
        if (end.RetryAfter is { } asked && asked > pause)
        {
            pause = asked < _timings.LongestRetryAfter ? asked : _timings.LongestRetryAfter;
        }
        await Task.Delay(pause, _time, stopping);
    }

    /// <summary>No such kind: nothing is wrong, and it may come any time. Known objects are given up only after a while.</summary>
    private async Task NotInstalledAsync(WatchEnd end, CancellationToken stopping)
    {
        _missingSince ??= _time.GetTimestamp();
        if (_store.Count > 0 && _time.GetElapsedTime(_missingSince.Value) < _timings.NotInstalledDoubt)
        {
            Tell(end);
            Health.Enter(WatchState.Retrying, end.Detail);
            await Task.Delay(_backoff.Next(), _time, stopping);
            return;
        }
        if (!_absent)
        {
            try
            {
                await Hand(() => _store.Replace([], stopping), stopping);
            }
            catch (WatchEndedException failed)
            {
                Health.Ended(failed.End.Reason);
                Health.Enter(WatchState.Retrying, failed.End.Detail);
                await Task.Delay(_backoff.Next(), _time, stopping);
                return;
            }
            _absent = true;
            NotInstalled(_target, _timings.NotInstalledPause.TotalSeconds);
        }
        // The server has answered, and it is what it is.
        _trouble = null;
        Health.Synced();
        Health.Proven();
        Health.Enter(WatchState.NotInstalled, end.Detail);
        await Task.Delay(_timings.NotInstalledPause, _time, stopping);
    }

    /// <param name="healthy">It has told something or has lived for a while: what went before is over.</param>
    private void Watching(bool healthy)
    {
        Health.Enter(WatchState.Watching);
        if (healthy)
        {
            _backoff.Reset();
            _failures = 0;
            if (_trouble is not null)
            {
                _trouble = null;
                Back(_target, _time.GetElapsedTime(_troubleSince).TotalSeconds);
            }
        }
    }

    private void Tell(WatchEnd end)
    {
        if (_trouble is null)
        {
            _troubleSince = _time.GetTimestamp();
        }
        if (_trouble != end.Reason)
        {
            _trouble = end.Reason;
            Trouble(_target, end.Reason, end.Detail);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "watching {Target} stopped ({Reason}): {Detail}; trying again")]
    private partial void Trouble(WatchTarget target, EndReason reason, string detail);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "watching {Target} again, {Seconds:0.0} s after it stopped")]
    private partial void Back(WatchTarget target, double seconds);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "{Target}: not installed here; looking again every {Seconds:0} s")]
    private partial void NotInstalled(WatchTarget target, double seconds);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "{Target}: {Namespace}/{Name} cannot be read ({Why}); what was known of it stands")]
    private partial void Unreadable(WatchTarget target, string @namespace, string name, string why);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "{Target}: taking in an event failed; what was not taken in will be told again")]
    private partial void SinkFailed(WatchTarget target, Exception failed);

    [LoggerMessage(EventId = 6, Level = LogLevel.Error, Message = "{Target}: watching failed in a way nobody expected; trying again")]
    private partial void Unexpected(WatchTarget target, Exception unexpected);
}
