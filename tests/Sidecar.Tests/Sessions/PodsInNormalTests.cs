using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Sessions;

/// <summary>A database that answers too late for the request that asked has answered other pods as well.</summary>
public sealed class PodsInNormalTests : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly SessionJournal _journal;
    private readonly ModeController _mode;
    private readonly SlowRows _rows = new();
    private readonly PodsInNormal _beside;

    public PodsInNormalTests()
    {
        var log = new ListLogger();
        _journal = SessionJournal.Open(_directory["journal"], log);
        _mode = new ModeController(new ModePage(_directory["mode"], TimeSpan.FromSeconds(1)), _journal, () => 1, false, log);
        var backends = new Backends(_ => { }, log) { Current = new Backend(new AppDescription(), null, _rows, null, "", "") };
        var recovered = new RecoveredRecords(_mode, _journal, backends, new Prober(_mode), log);
        var canary = new CacheCanary(_mode, backends, new Replayer(_mode, _journal, backends, log), recovered, log);
        _beside = new PodsInNormal(_mode, _journal, backends, recovered, canary, new SharedRecords(_mode, backends, log));
        _mode.Obey(new Held(1, Phase.Writable, Mode.Normal, "", ModeController.Now + TimeSpan.FromMinutes(1), true, 2, 1, Mode.Cache));
        _mode.Down(Evidence.Types.Verdict.Unreachable);
    }

    public async ValueTask DisposeAsync()
    {
        _mode.Dispose();
        await _journal.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_answer_that_nobody_waited_for_counts()
    {
        Assert.True(_beside.MayBe);
        Assert.Equal((null, false), await _beside.RowAsync("a"));
        Assert.False(_mode.State.AnsweredApart);
        _rows.Answer.SetResult([]);
        await Eventually.True(() => _mode.State.AnsweredApart);
    }

    [Fact]
    public async Task An_error_is_no_answer()
    {
        Assert.Equal((null, false), await _beside.RowAsync("a"));
        _rows.Answer.SetException(new RowStoreException("gone", unavailable: true, new IOException()));
        Assert.Equal((null, false), await _beside.RowAsync("a"));
        Assert.False(_mode.State.AnsweredApart);
    }

    private sealed class SlowRows : IRowStore
    {
        public TaskCompletionSource<Dictionary<string, string>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Dictionary<string, string>> ReadAsync(IReadOnlyCollection<string> keys, CancellationToken cancel) => Answer.Task;

        public Task DeleteAsync(IReadOnlyCollection<string> keys, CancellationToken cancel) => throw new NotSupportedException();

        public Task<bool[]> ApplyAsync(IReadOnlyList<RowChange> changes, CancellationToken cancel) => throw new NotSupportedException();

        public Task UpdateAsync(RowUpdate update, CancellationToken cancel) => throw new NotSupportedException();
    }
}
