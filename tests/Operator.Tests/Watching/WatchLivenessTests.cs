using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>What /healthz asks: is there a watch that will never move again? A server that is away is none.</summary>
public class WatchLivenessTests
{
    [Fact]
    public async Task A_watch_whose_event_is_never_taken_in_is_stuck_once_its_deadline_has_passed()
    {
        await using var server = (await ScriptedApiServer.StartAsync()).Then(Say.List("5"), Say.Open(Say.Added("a", "6")));
        await using var scene = new Scene(server);
        await scene.Sink.Told.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        var health = Assert.Single(scene.Directory.Running);
        scene.Time.Advance(health.TurningFor);
        Assert.Null(scene.Directory.Stuck);
        scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(Watched.Things, scene.Directory.Stuck);
        Assert.Equal(health.TurningFor + TimeSpan.FromMilliseconds(1), health.Age);
        // Taken in at last, it moves on.
        scene.Sink.Go.SetResult();
        await scene.Until(() => scene.Directory.Stuck is null);
    }

    private sealed class Scene : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stopping = new();
        private readonly Task _running;

        public Scene(ScriptedApiServer server)
        {
            var watch = new ResourceWatch<Thing>(
                server.Transport, Watched.Things, (source, meta) => new Thing(meta.Name, source.GetProperty("value").GetString()!), Sink, NullLogger.Instance,
                ended: Directory.Counting(Watched.Things.Kind), time: Time);
            Directory.Add(watch.Health);
            _running = watch.RunAsync(_stopping.Token);
        }

        public FakeTimeProvider Time { get; } = new();

        public WatchDirectory Directory { get; } = new((_, _) => { });

        public SlowSink Sink { get; } = new();

        public async Task Until(Func<bool> holds)
        {
            var deadline = DateTime.UtcNow.AddSeconds(20);
            while (!holds())
            {
                Assert.True(DateTime.UtcNow < deadline, "did not come to hold within 20 s");
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }
        }

        public async ValueTask DisposeAsync()
        {
            Sink.Go.TrySetResult();
            await _stopping.CancelAsync();
            await _running;
            _stopping.Dispose();
        }
    }

    /// <summary>Takes in the first event when the test says so.</summary>
    private sealed class SlowSink : IWatchSink<Thing>
    {
        public TaskCompletionSource Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask Upserted(Thing? previous, Thing current, CancellationToken cancellation)
        {
            Told.TrySetResult();
            await Go.Task;
        }

        public ValueTask Removed(Thing last, CancellationToken cancellation) => ValueTask.CompletedTask;

        public ValueTask Listed(IReadOnlyCollection<Thing> all, CancellationToken cancellation) => ValueTask.CompletedTask;
    }
}
