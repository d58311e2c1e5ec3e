using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Workloads;

/// <summary>
/// Carries the annotations of workloads into their pod templates, and out again when they are removed. Every replica does
/// it: what is applied depends on the workload alone, and the server refuses a second one that saw an older state.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="ownNamespace">The operator's.</param>
/// <param name="databases">A template is changed once its database is there.</param>
/// <param name="ready">Returns when pods that are rolled out will be injected.</param>
/// <param name="time">The clock of pauses.</param>
/// <param name="log">Where changes are told.</param>
public sealed partial class WorkloadCarrier(
    ApiCalls calls, string ownNamespace, SessionDatabases databases, Func<CancellationToken, Task> ready, TimeProvider time, ILogger log) : BackgroundService, IWatchSink<Workload>
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<string, Workload> _known = new();
    private readonly ConcurrentDictionary<string, byte> _waiting = new();
    private readonly Channel<string> _queue = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<string, Workload> _refused = [];

    /// <summary>All that are watched, with or without annotations.</summary>
    public ICollection<Workload> All => _known.Values;

    /// <param name="key">As <see cref="Workload.Key"/>.</param>
    public Workload? Find(string key) => _known.GetValueOrDefault(key);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = databases.Subscribe(Notice);
        try
        {
            await ready(stoppingToken);
            await foreach (var key in _queue.Reader.ReadAllAsync(stoppingToken))
            {
                _waiting.TryRemove(key, out _);
                if (_known.TryGetValue(key, out var workload) && !await TryAsync(workload, stoppingToken))
                {
                    _ = LaterAsync(key, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop: another replica, or the next start, goes on.
        }
    }

    public ValueTask Upserted(Workload? previous, Workload current, CancellationToken cancellation)
    {
        _known[current.Key] = current;
        Wake(current.Key);
        return ValueTask.CompletedTask;
    }

    public ValueTask Removed(Workload last, CancellationToken cancellation)
    {
        _known.TryRemove(last.Key, out _);
        return ValueTask.CompletedTask;
    }

    public ValueTask Listed(IReadOnlyCollection<Workload> all, CancellationToken cancellation) => ValueTask.CompletedTask;

    /// <summary>False when it is to be tried again.</summary>
    private async Task<bool> TryAsync(Workload workload, CancellationToken cancellation)
    {
        if (Carrying.Next(workload, ownNamespace, name => databases.Find($"{workload.Meta.Namespace}/{name}") is not null) is not { } next)
        {
            _refused.Remove(workload.Key);
            return true;
        }
        if (_refused.TryGetValue(workload.Key, out var refused) && IsSame(refused, workload))
        {
            return true;
        }
        try
        {
            await TemplateWriter.ApplyAsync(calls, workload, next, cancellation);
            _refused.Remove(workload.Key);
            Carried(workload.Key, next.IsEmpty ? "nothing" : string.Join(", ", next.Select(pair => $"{pair.Key}={pair.Value}")));
            return true;
        }
        catch (ApiException no) when (!TemplateWriter.IsTaken(no) && no.Status is HttpStatusCode.Conflict or HttpStatusCode.NotFound)
        {
            // It changed, or went, a moment ago: the watch will tell, and this is decided anew.
            return true;
        }
        catch (ApiException no)
        {
            _refused[workload.Key] = workload;
            Refused(workload.Key, no.Message);
            return true;
        }
        catch (ApiUnavailableException)
        {
            return false;
        }
        // Everything: a mistake of ours here must not end the replica that decides for sessions.
        catch (Exception mistake) when (!cancellation.IsCancellationRequested)
        {
            _refused[workload.Key] = workload;
            Failed(workload.Key, mistake);
            return true;
        }
    }

    /// <summary>Most changes are of the status, after which the same would be refused again.</summary>
    private static bool IsSame(Workload one, Workload other) =>
        one.Meta.Uid == other.Meta.Uid && one.Asked.SequenceEqual(other.Asked) && one.Template.SequenceEqual(other.Template) && one.Carried.SetEquals(other.Carried);

    private void Notice(SessionDatabaseChange change)
    {
        if (change is { Before: null, After: { } made })
        {
            foreach (var (key, workload) in _known)
            {
                if (workload.Meta.Namespace == made.Metadata.Namespace && workload.Asked.ContainsKey(Annotations.Database))
                {
                    Wake(key);
                }
            }
        }
    }

    private void Wake(string key)
    {
        if (_waiting.TryAdd(key, 0))
        {
            _queue.Writer.TryWrite(key);
        }
    }

    private async Task LaterAsync(string key, CancellationToken cancellation)
    {
        await Task.Delay(s_retry, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Wake(key);
    }

    [LoggerMessage(EventId = 65, Level = LogLevel.Information, Message = "{Workload}: its pod template holds {Annotations} of ours from now on; a rollout follows")]
    private partial void Carried(string workload, string annotations);

    [LoggerMessage(EventId = 66, Level = LogLevel.Warning, Message = "{Workload}: its annotations cannot be carried into its pod template: {Why}")]
    private partial void Refused(string workload, string why);

    [LoggerMessage(EventId = 67, Level = LogLevel.Error, Message = "{Workload}: its annotations could not be carried, by a mistake of ours")]
    private partial void Failed(string workload, Exception mistake);
}
