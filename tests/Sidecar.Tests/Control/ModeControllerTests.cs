using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>No clock ticks in Normal: what time alone changes must still happen on time, and waiting loops must be woken.</summary>
public sealed class ModeControllerTests : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly SessionJournal _journal;
    private readonly ModeController _mode;
    private long _unsaved = 1;

    public ModeControllerTests()
    {
        var log = new ListLogger();
        _journal = SessionJournal.Open(_directory["journal"], log);
        _mode = new ModeController(new ModePage(_directory["mode"], TimeSpan.FromSeconds(1)), _journal, () => Interlocked.Read(ref _unsaved), false, log);
    }

    public async ValueTask DisposeAsync()
    {
        _mode.Dispose();
        await _journal.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_lease_that_runs_out_is_noticed_although_nothing_else_happens()
    {
        _mode.Obey(Says(1, Mode.Normal, leaseSeconds: 60));
        _mode.Obey(Says(2, Mode.Cache, leaseSeconds: 0.2));
        Assert.False(_mode.State.Autonomous);
        await Eventually.True(() => _mode.State.Autonomous);
    }

    [Fact]
    public async Task A_renewal_puts_the_end_of_the_lease_off()
    {
        _mode.Obey(Says(2, Mode.Cache, leaseSeconds: 60));
        _mode.Obey(Says(2, Mode.Cache, leaseSeconds: 0.2));
        _mode.Obey(Says(2, Mode.Cache, leaseSeconds: 60));
        await Task.Delay(400, TestContext.Current.CancellationToken);
        Assert.False(_mode.State.Autonomous);
    }

    [Fact]
    public async Task A_drain_of_our_own_ends_when_everything_is_saved()
    {
        _mode.Obey(Says(2, Mode.Drain, leaseSeconds: 0.05));
        await Eventually.True(() => _mode.State is { Autonomous: true, Mode: Mode.Drain });
        Interlocked.Exchange(ref _unsaved, 0);
        await Eventually.True(() => _mode.State.Mode == Mode.Normal);
    }

    [Fact]
    public void Who_waits_hears_of_a_change_at_once()
    {
        var heard = new List<Mode>();
        _mode.StateChanged += () => heard.Add(_mode.State.Mode);
        _mode.Down(Evidence.Types.Verdict.Unreachable);
        _mode.Down(Evidence.Types.Verdict.Unreachable); // nothing new
        _mode.Obey(Says(2, Mode.Normal, leaseSeconds: 60));
        Assert.Equal([Mode.Cache, Mode.Drain], heard);
    }

    [Fact]
    public async Task Only_what_is_kept_in_a_fallback_is_behind_the_fence()
    {
        Assert.Equal(Fence.Passed, await FenceOfOneKeptNowAsync("since the start"));
        _mode.Obey(Says(2, Mode.Cache, leaseSeconds: 60));
        Assert.Equal(Fence.Whole, await FenceOfOneKeptNowAsync("in the outage"));
        Interlocked.Exchange(ref _unsaved, 0);
        _mode.Obey(Says(3, Mode.Normal, leaseSeconds: 60));
        await Eventually.True(() => _mode.State.Mode == Mode.Normal);
        Assert.Equal(Fence.Passed, await FenceOfOneKeptNowAsync("after it"));
        Assert.Equal(Fence.Passed, _journal.FenceOf("in the outage"));
    }

    private async Task<Fence> FenceOfOneKeptNowAsync(string key)
    {
        await _journal.PutAsync(Make.Record(key), durable: false);
        return _journal.FenceOf(key);
    }

    private static Held Says(ulong epoch, Mode mode, double leaseSeconds) =>
        new(epoch, Phase.Unknown, mode, "because", ModeController.Now + TimeSpan.FromSeconds(leaseSeconds), false, 2, epoch, Mode.Cache);
}
