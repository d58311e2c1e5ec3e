using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Kubernetes.Tests.Watching;

/// <summary>What the tests boil an object down to.</summary>
internal sealed record Thing(string Name, string Value);

/// <summary>A watch on the real server and what its sink was told.</summary>
internal sealed class Recorded : IWatchSink<Thing>, IAsyncDisposable
{
    private static readonly WatchTimings s_quick = new()
    {
        PageSize = 2,
        LongestPause = TimeSpan.FromMilliseconds(500),
        NotInstalledPause = TimeSpan.FromMilliseconds(200),
        NotInstalledDoubt = TimeSpan.FromMilliseconds(500),
    };

    private readonly ConcurrentQueue<string> _told = [];
    private readonly ConcurrentQueue<EndReason> _ends = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly ResourceWatch<Thing> _watch;
    private readonly Task _running;

    public Recorded(ApiTransport transport, WatchTarget target, TimeSpan? serverTimeout = null)
    {
        _watch = new ResourceWatch<Thing>(
            transport, target, (source, meta) => new Thing(meta.Name, source.At("data", "value").Text() ?? ""), this,
            NullLogger.Instance, s_quick with { ServerTimeout = serverTimeout ?? s_quick.ServerTimeout }, _ends.Enqueue);
        _running = _watch.RunAsync(_stopping.Token);
    }

    public string Told => string.Join(' ', _told);

    public WatchHealth Health => _watch.Health;

    public IReadOnlyCollection<EndReason> Ends => _ends;

    public Task Expect(string told) => Until(() => Told == told, () => $"was told \"{Told}\" instead of \"{told}\"");

    public async Task Until(Func<bool> holds, Func<string>? otherwise = null)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while (!holds())
        {
            Assert.True(
                DateTime.UtcNow < deadline,
                $"{otherwise?.Invoke() ?? "did not come to hold within 60 s"}; ends: {string.Join(' ', _ends)}; {Health.State} {Health.Problem}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public ValueTask Upserted(Thing? previous, Thing current, CancellationToken cancellation) =>
        Tell(previous is null ? $"+{current.Name}:{current.Value}" : $"{previous.Name}:{previous.Value}>{current.Value}");

    public ValueTask Removed(Thing last, CancellationToken cancellation) => Tell($"-{last.Name}");

    public ValueTask Listed(IReadOnlyCollection<Thing> all, CancellationToken cancellation) => Tell($"={all.Count}");

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private ValueTask Tell(string what)
    {
        _told.Enqueue(what);
        return ValueTask.CompletedTask;
    }
}
