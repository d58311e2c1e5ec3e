using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Benchmarks;

/// <summary>
/// Watches what the operator watches and writes, beside it: says when the API server told of the database's pod, and of a
/// status with another mode. So the stations of a signal are timed without a stopwatch inside the operator.
/// </summary>
internal sealed class Onlooker : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<(long At, string What)> _told = new();
    private readonly Task _watching;

    public Onlooker(Cluster cluster)
    {
        var transport = ApiTransport.Of(cluster.Client);
        _watching = Task.WhenAll(
            Watch(transport, WatchTarget.Named(ResourceKind.Pods, Cluster.Space, Cluster.DatabasePod), _ => "pod"),
            Watch(transport, new WatchTarget(ResourceKind.SessionDatabases, Cluster.Space), status => status.Text("mode") ?? ""));
    }

    /// <summary>When a watch was first told of the pod at or after that time.</summary>
    public Task<long> PodAsync(long from, TimeSpan patience) => FirstAsync("pod", from, patience);

    /// <summary>When a watch was first told of a status with that mode at or after that time.</summary>
    public Task<long> StatusAsync(Mode mode, long from, TimeSpan patience) => FirstAsync($"{mode}", from, patience);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        _stopping.Dispose();
    }

    private async Task<long> FirstAsync(string what, long from, TimeSpan patience)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < patience; await Task.Delay(5))
        {
            // What is older belongs to rounds that are over.
            while (_told.TryPeek(out var old) && old.At < from && _told.TryDequeue(out _))
            {
            }
            if (_told.FirstOrDefault(told => told.At >= from && told.What == what) is { At: > 0 } first)
            {
                return first.At;
            }
        }
        throw new TimeoutException($"no watch was told of {what} within {patience.TotalSeconds} s");
    }

    private Task Watch(ApiTransport transport, WatchTarget target, Func<System.Text.Json.JsonElement, string> read) => new ResourceWatch<string>(
        transport, target, (source, _) => read(source.At("status")), new Notes(_told), NullLogger.Instance).RunAsync(_stopping.Token);

    private sealed class Notes(ConcurrentQueue<(long At, string What)> told) : IWatchSink<string>
    {
        public ValueTask Upserted(string? previous, string current, CancellationToken cancellation)
        {
            told.Enqueue((Stopwatch.GetTimestamp(), current));
            return ValueTask.CompletedTask;
        }

        public ValueTask Removed(string last, CancellationToken cancellation) => ValueTask.CompletedTask;

        public ValueTask Listed(IReadOnlyCollection<string> all, CancellationToken cancellation) => ValueTask.CompletedTask;
    }
}
