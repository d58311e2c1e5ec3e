using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Kubernetes.Tests.Housekeeping;

public class LeaseTests(ApiServer server)
{
    private static readonly LeaseTimings s_quick = new()
    {
        Duration = TimeSpan.FromSeconds(3),
        Held = TimeSpan.FromSeconds(2),
        Retry = TimeSpan.FromMilliseconds(200),
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_two_that_write_at_once_one_wins_and_what_is_read_is_what_was_written()
    {
        var space = await server.NamespaceAsync("lease");
        LeaseStore one = new(server.Calls, space, "house"), two = new(server.Calls, space, "house");
        Assert.Null(await one.ReadAsync(Cancellation));
        var now = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(1234560);
        var record = new LeaseRecord("a", TimeSpan.FromSeconds(15), now, now, 0);
        var written = await one.TryWriteAsync(null, record, Cancellation);
        Assert.Equal(record, written!.Record);
        Assert.Null(await two.TryWriteAsync(null, record with { Holder = "b" }, Cancellation));
        var read = await two.ReadAsync(Cancellation);
        Assert.Equal(written, read);
        var taken = await two.TryWriteAsync(read!.Version, record with { Holder = "b", Transitions = 1 }, Cancellation);
        Assert.Equal("b", taken!.Record.Holder);
        Assert.Null(await one.TryWriteAsync(written.Version, record, Cancellation));
        // Released: empty, not absent.
        var released = await two.TryWriteAsync(taken.Version, LeasePlan.Release(taken.Record, now), Cancellation);
        Assert.Equal(("", 1), (released!.Record.Holder, released.Record.Transitions));
        // As other programs read it.
        var raw = await server.Calls.GetAsync<JsonElement>($"apis/coordination.k8s.io/v1/namespaces/{space}/leases/house", Cancellation);
        Assert.Equal("2030-01-02T03:04:05.123456Z", raw.GetProperty("spec").GetProperty("renewTime").GetString());
    }

    [Fact]
    public async Task One_is_killed_and_the_other_takes_over_only_after_it()
    {
        var space = await server.NamespaceAsync("lease");
        await using var first = await Runner.Start(new LeaseStore(server.Calls, space, "house"), "a");
        await first.Until(runner => runner.Works, "the first works");
        await using var second = await Runner.Start(new LeaseStore(server.Calls, space, "house"), "b");
        await first.Kill();
        await second.Until(runner => runner.Works, "the second takes over");
        Assert.True(first.EndedAt < second.BeganAt, $"the first ended at {first.EndedAt:O}, the second began at {second.BeganAt:O}");
        // And who stops lets it go at once.
        await second.Candidate.StopAsync(Cancellation);
        var lease = await new LeaseStore(server.Calls, space, "house").ReadAsync(Cancellation);
        Assert.Equal("", lease!.Record.Holder);
    }

    [Fact]
    public async Task Without_the_API_server_nobody_works_and_afterwards_one_does()
    {
        await using var own = new ApiServer();
        await own.InitializeAsync();
        var space = await own.NamespaceAsync();
        await using var one = await Runner.Start(new LeaseStore(own.Calls, space, "house"), "a");
        await using var two = await Runner.Start(new LeaseStore(own.Calls, space, "house"), "b");
        await one.Until(_ => one.Works || two.Works, "one works");
        await own.StopAsync();
        await one.Until(_ => !one.Works && !two.Works, "nobody works");
        await own.StartAsync();
        await one.Until(_ => one.Works || two.Works, "one works again");
        Assert.False(one.Works && two.Works);
    }

    [Fact]
    public async Task An_operator_without_the_right_is_told_which_one()
    {
        using var nobody = new k8s.Kubernetes(server.ClientConfiguration());
        nobody.HttpClient.DefaultRequestHeaders.Add("Impersonate-User", "nobody");
        var refused = await Assert.ThrowsAsync<LeaseUnavailableException>(() =>
            new LeaseStore(ApiCalls.Of(nobody), "default", "house").ReadAsync(Cancellation));
        Assert.Contains("give its service account get and update on it", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A candidate whose work only says that it runs.</summary>
    private sealed class Runner : IAsyncDisposable
    {
        private readonly Cut _store;
        private int _working;

        private Runner(ILeaseStore store, string name)
        {
            _store = new Cut(store);
            Candidate = new Candidate(_store, name, Work, s_quick, TimeProvider.System, NullLogger.Instance);
        }

        public Candidate Candidate { get; }

        public bool Works => Volatile.Read(ref _working) > 0;

        public DateTimeOffset BeganAt { get; private set; }

        public DateTimeOffset EndedAt { get; private set; }

        public static async Task<Runner> Start(ILeaseStore store, string name)
        {
            var runner = new Runner(store, name);
            await runner.Candidate.StartAsync(Cancellation);
            return runner;
        }

        public Task Until(Func<Runner, bool> holds, string what) => ApiServer.Until(() => Task.FromResult(holds(this)), what);

        /// <summary>As seen from the API server: it never says another word.</summary>
        public Task Kill() => _store.CutOff.CancelAsync();

        public async ValueTask DisposeAsync()
        {
            await Candidate.StopAsync(CancellationToken.None);
            Candidate.Dispose();
            _store.CutOff.Dispose();
        }

        private async Task Work(Term term)
        {
            BeganAt = DateTimeOffset.UtcNow;
            Interlocked.Increment(ref _working);
            await Task.Delay(Timeout.Infinite, term.Over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            EndedAt = DateTimeOffset.UtcNow;
            Interlocked.Decrement(ref _working);
        }
    }

    private sealed class Cut(ILeaseStore store) : ILeaseStore
    {
        public CancellationTokenSource CutOff { get; } = new();

        public Task<StoredLease?> ReadAsync(CancellationToken cancellation) => Ask(cancel => store.ReadAsync(cancel), cancellation);

        public Task<StoredLease?> TryWriteAsync(string? version, LeaseRecord next, CancellationToken cancellation) =>
            Ask(cancel => store.TryWriteAsync(version, next, cancel), cancellation);

        private async Task<StoredLease?> Ask(Func<CancellationToken, Task<StoredLease?>> ask, CancellationToken cancellation)
        {
            if (CutOff.IsCancellationRequested)
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }
            return await ask(cancellation);
        }
    }
}
