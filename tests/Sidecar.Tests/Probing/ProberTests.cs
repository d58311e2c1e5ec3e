using System.Diagnostics;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Probing;

/// <summary>A prober sleeps until it has something to do, and then does it at once.</summary>
public sealed class ProberTests : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SessionJournal _journal;
    private readonly ModeController _mode;
    private readonly CountingProbe _probe = new();
    private readonly Prober _prober;
    private readonly Task _running;

    public ProberTests()
    {
        var log = new ListLogger();
        _journal = SessionJournal.Open(_directory["journal"], log);
        _mode = new ModeController(new ModePage(_directory["mode"], TimeSpan.FromSeconds(1)), _journal, () => 1, false, log);
        _mode.Describe("", canProbe: true);
        _prober = new Prober(_mode);
        _prober.Use(_probe);
        _running = _prober.RunAsync(_stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _mode.Dispose();
        await _journal.DisposeAsync();
        _stopping.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Nobody_probes_in_Normal_without_an_order()
    {
        await Task.Delay(400, TestContext.Current.CancellationToken);
        Assert.Equal(0, _probe.Count);
    }

    [Fact]
    public async Task An_order_is_carried_out_at_once_and_then_at_its_interval()
    {
        var clock = Stopwatch.StartNew();
        _prober.Order(TimeSpan.FromMilliseconds(300));
        await Eventually.True(() => _probe.Count == 1);
        await Eventually.True(() => _probe.Count == 4);
        Assert.True(clock.ElapsedMilliseconds >= 900, $"{clock.ElapsedMilliseconds} ms");
        _prober.Order(TimeSpan.Zero);
        await Eventually.True(() => _probe.Idle(500));
    }

    [Fact]
    public async Task A_fallback_of_our_own_is_probed_without_an_order()
    {
        _mode.Down(Evidence.Types.Verdict.Unreachable);
        await Eventually.True(() => _probe.Count >= 3);
    }

    [Fact]
    public async Task What_is_to_be_probed_now_does_not_wait_for_the_interval()
    {
        _prober.Order(TimeSpan.FromMinutes(10));
        await Eventually.True(() => _probe.Count == 1);
        _prober.ProbeNow();
        await Eventually.True(() => _probe.Count == 2);
    }

    [Fact]
    public async Task A_change_of_the_mode_shortens_the_wait_but_is_no_order_to_probe()
    {
        _prober.Order(TimeSpan.FromMinutes(10));
        await Eventually.True(() => _probe.Count == 1);
        _mode.Obey(new Held(2, Phase.Unknown, Mode.Normal, "", ModeController.Now + TimeSpan.FromMinutes(1), false, 2, 2, Mode.Cache));
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.Equal(1, _probe.Count);
        _mode.Down(Evidence.Types.Verdict.Unreachable);
        await Eventually.True(() => _probe.Count >= 2);
    }

    [Fact]
    public async Task Rows_can_be_read_when_a_probe_says_so_although_an_app_reported_otherwise_meanwhile()
    {
        _probe.Verdict = Evidence.Types.Verdict.ReadOnly;
        _prober.OnResult = _ => _mode.Down(Evidence.Types.Verdict.Unreachable);
        var log = new ListLogger();
        var recovered = new RecoveredRecords(_mode, _journal, new Backends(_ => { }, log), _prober, log);
        Assert.True(await recovered.ReadableAsync(again: true));
        Assert.False(_mode.State.Readable);
        _probe.Verdict = Evidence.Types.Verdict.Unreachable;
        Assert.False(await recovered.ReadableAsync(again: true));
    }

    [Fact]
    public async Task Only_a_calm_prober_uses_a_connection_again()
    {
        _prober.Order(TimeSpan.FromMilliseconds(1000));
        await Eventually.True(() => _probe.Count == 1);
        Assert.True(_probe.Fresh, "an order");
        await Eventually.True(() => _probe.Count == 2);
        Assert.False(_probe.Fresh, "the order's interval has passed");
        _prober.ProbeNow();
        await Eventually.True(() => _probe.Count == 3);
        Assert.True(_probe.Fresh, "asked for now");
        await Eventually.True(() => _probe.Count == 4);
        Assert.False(_probe.Fresh, "the interval has passed again");
        await _prober.AskAsync(TimeSpan.FromSeconds(5));
        Assert.True(_probe.Fresh, "a report");
        _prober.Order(TimeSpan.FromMilliseconds(250));
        var count = _probe.Count;
        await Eventually.True(() => _probe.Count >= count + 3);
        Assert.True(_probe.Fresh, "the operator is in doubt");
        _prober.Order(TimeSpan.FromMilliseconds(1000));
        _mode.Obey(new Held(2, Phase.Unwritable, Mode.Cache, "", ModeController.Now + TimeSpan.FromMinutes(1), false, 2, 1, Mode.Cache));
        count = _probe.Count;
        await Eventually.True(() => _probe.Count >= count + 2);
        Assert.True(_probe.Fresh, "a fallback");
    }

    [Theory]
    [InlineData(1000, 994, 6)]
    [InlineData(1000, 996, 0)] // a timer that was early: no second one
    [InlineData(1000, 1003, 0)]
    [InlineData(250, 246, 4)] // in doubt to the millisecond
    [InlineData(250, 250, 0)]
    public void What_is_left_of_a_calm_interval_after_an_early_timer_is_not_waited_for(int interval, int passed, int left) =>
        Assert.Equal(TimeSpan.FromMilliseconds(left), Prober.Left(TimeSpan.FromMilliseconds(interval), TimeSpan.FromMilliseconds(passed)));

    private sealed class CountingProbe : IDatabaseProbe
    {
        private int _count;
        private long _at = Stopwatch.GetTimestamp();

        public Evidence.Types.Verdict Verdict { get; set; } = Evidence.Types.Verdict.Unreachable;

        /// <summary>Whether the last one was to be on a connection of its own.</summary>
        public bool Fresh { get; private set; }

        public int Count => Volatile.Read(ref _count);

        public bool Idle(double milliseconds) => Stopwatch.GetElapsedTime(Volatile.Read(ref _at)).TotalMilliseconds > milliseconds;

        public Task<ProbeResult> ProbeAsync(bool fresh, CancellationToken cancel)
        {
            Fresh = fresh;
            Volatile.Write(ref _at, Stopwatch.GetTimestamp());
            Interlocked.Increment(ref _count);
            return Task.FromResult(new ProbeResult(Verdict, "", "", ModeController.Now));
        }
    }
}
