using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>What the tests boil an object down to.</summary>
internal sealed record Thing(string Name, string Value);

/// <summary>A watch on a scripted server, with what its sink was told and why its streams ended.</summary>
internal sealed class Watched : IWatchSink<Thing>, ILogger, IAsyncDisposable
{
    public static readonly WatchTarget Things = new(new ResourceKind("example.org", "v1", "things"), "shop") { LabelSelector = "app=db" };

    /// <summary>Nothing is late on a busy machine; the tests of lateness shorten what they are about.</summary>
    public static readonly WatchTimings Patient = new() { FirstPause = TimeSpan.FromMilliseconds(5), LongestPause = TimeSpan.FromMilliseconds(40) };

    private readonly ConcurrentQueue<string> _told = [];
    private readonly ConcurrentQueue<EndReason> _ends = [];
    private readonly ConcurrentQueue<string> _log = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly ResourceWatch<Thing> _watch;
    private readonly Task _running;

    private Watched(ScriptedApiServer server, WatchTimings? timings)
    {
        Server = server;
        _watch = new ResourceWatch<Thing>(
            server.Transport, Things, Boil, this, this, timings ?? Patient, _ends.Enqueue);
        _running = _watch.RunAsync(_stopping.Token);
    }

    public ScriptedApiServer Server { get; }

    /// <summary>A failure of the sink on demand.</summary>
    public Func<string, Exception?> Fail { get; set; } = _ => null;

    public string Told => string.Join(' ', _told);

    public EndReason[] Ends => [.. _ends];

    public string[] Log => [.. _log];

    public WatchHealth Health => _watch.Health;

    public Task Running => _running;

    public static async Task<Watched> StartAsync(WatchTimings? timings, params Answer[] script) =>
        new((await ScriptedApiServer.StartAsync()).Then(script), timings);

    /// <summary>Waits until the sink has been told exactly this.</summary>
    public async Task<Watched> Expect(string told)
    {
        await Until(() => Told == told, () => $"was told \"{Told}\" instead of \"{told}\"; ends: {string.Join(' ', _ends)}; {string.Join('\n', _log)}");
        return this;
    }

    public async Task<Watched> ExpectEnds(params EndReason[] ends)
    {
        await Until(() => Ends.SequenceEqual(ends), () => $"ended with {string.Join(' ', _ends)} instead of {string.Join(' ', ends)}; {string.Join('\n', _log)}");
        return this;
    }

    public async Task Until(Func<bool> holds, Func<string>? otherwise = null)
    {
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (!holds())
        {
            Assert.False(_running.IsFaulted, _running.Exception?.ToString());
            Assert.True(DateTime.UtcNow < deadline, otherwise?.Invoke() ?? "did not come to hold within 20 s");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    public Task StopAsync()
    {
        _stopping.Cancel();
        return _running;
    }

    public ValueTask Upserted(Thing? previous, Thing current, CancellationToken cancellation) =>
        Tell(previous is null ? $"+{current.Value}" : $"{previous.Value}>{current.Value}");

    public ValueTask Removed(Thing last, CancellationToken cancellation) => Tell($"-{last.Value}");

    public ValueTask Listed(IReadOnlyCollection<Thing> all, CancellationToken cancellation) => Tell($"={all.Count}");

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        await Server.DisposeAsync();
    }

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _log.Enqueue($"{logLevel}: {formatter(state, exception)}");

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    private static Thing Boil(JsonElement source, ObjectMeta meta) =>
        source.At("value").ValueKind == JsonValueKind.String
            ? new Thing(meta.Name, source.Text("value")!)
            : throw new FormatException("value is no text");

    private ValueTask Tell(string what)
    {
        if (Fail(what) is { } failure)
        {
            throw failure;
        }
        _told.Enqueue(what);
        return ValueTask.CompletedTask;
    }
}
