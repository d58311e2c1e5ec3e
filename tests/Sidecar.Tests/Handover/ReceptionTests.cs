using System.Text.Json;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Handover;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Handover;

/// <summary>What a sidecar makes of another one's batch.</summary>
public class ReceptionTests
{
    private static HandedEntry Entry(SessionRecord record, Fence fence = Fence.Whole) => new() { Record = record, Fence = (int)fence };

    private static RowUpdate Row(long version, string value) =>
        new() { Table = "auth_user", KeyColumn = "id", Key = Make.Json(5), Columns = Make.Columns(value), Version = version };

    [Fact]
    public async Task What_was_kept_is_on_the_disk_when_it_is_said()
    {
        await using var rig = new Rig();
        Assert.Equal("", await rig.KeepAsync(
            Entry(Make.Record("a", 3, "größe", born: true, lineage: ["one"]) with { Epoch = 5 }), Entry(Make.Tombstone("b", 2)), new HandedEntry { Row = Row(1, "x") }));
        var found = new JournalState();
        using (JournalFile.Open(rig.CopyOfJournal(), entry => found.Apply(entry), rig.Log))
        {
        }

        Assert.Equal((3L, true, "größe", 5UL), (found.Get("a")!.Version, found.Get("a")!.Born, Make.DataOf(found.Get("a")!), found.Get("a")!.Epoch));
        Assert.Equal([Fingerprints.Of("one")], found.Get("a")!.Lineage!);
        Assert.True(found.Get("b")!.Deleted);
        Assert.Equal(1, Assert.Single(found.Rows).Version);
        Assert.Equal(3, rig.Journal.Pending);
    }

    [Fact]
    public async Task A_batch_that_comes_twice_changes_nothing()
    {
        await using var rig = new Rig();
        HandedEntry[] batch = [Entry(Make.Record("a", 3)), Entry(Make.Tombstone("b", 2)), new HandedEntry { Row = Row(1, "x") }];
        Assert.Equal("", await rig.KeepAsync(batch));
        await rig.Journal.PutAsync(Make.Record("a", 4, "later"), durable: true);
        Assert.Equal("", await rig.KeepAsync(batch));
        Assert.Equal((4L, "later"), (rig.Journal.Get("a")!.Version, Make.DataOf(rig.Journal.Get("a")!)));
        Assert.Equal((2L, 3), (rig.Journal.Get("b")!.Version, rig.Journal.Pending));
    }

    [Fact]
    public async Task Of_two_states_of_a_session_the_newer_stays()
    {
        await using var rig = new Rig();
        await rig.Journal.PutAsync(Make.Record("older", 2, "here"), durable: true);
        await rig.Journal.PutAsync(Make.Record("newer", 4, "here"), durable: true);
        Assert.Equal("", await rig.KeepAsync(Entry(Make.Record("older", 3, "handed")), Entry(Make.Record("newer", 3, "handed"))));
        Assert.Equal(("handed", "here"), (Make.DataOf(rig.Journal.Get("older")!), Make.DataOf(rig.Journal.Get("newer")!)));
        Assert.Equal("", await rig.KeepAsync(new HandedEntry { Row = Row(7, "new") }, new HandedEntry { Row = Row(6, "old") }));
        Assert.Equal(7, Assert.Single(rig.Journal.PendingRows()).Version);
    }

    [Fact]
    public async Task A_logout_wins_from_either_side_whatever_its_number()
    {
        await using var rig = new Rig();
        await rig.Journal.PutAsync(Make.Record("a", 9), durable: true);
        await rig.Journal.PutAsync(Make.Tombstone("b", 1), durable: true);
        Assert.Equal("", await rig.KeepAsync(Entry(Make.Tombstone("a", 2)), Entry(Make.Record("b", 9))));
        Assert.True(rig.Journal.Get("a") is { Deleted: true, Version: > 9 });
        Assert.True(rig.Journal.Get("b")!.Deleted);
    }

    [Theory]
    [InlineData(Mode.Cache, 4, nameof(Fence.Whole), nameof(Fence.Whole))]
    [InlineData(Mode.Cache, 4, nameof(Fence.Restarted), nameof(Fence.Restarted))]
    [InlineData(Mode.Cache, 4, nameof(Fence.Passed), nameof(Fence.Passed))]
    [InlineData(Mode.Cache, 6, nameof(Fence.Whole), nameof(Fence.Passed))] // some pod was in Normal after the record was made
    [InlineData(Mode.Normal, 7, nameof(Fence.Whole), nameof(Fence.Passed))]
    public async Task A_record_is_behind_the_fence_here_only_if_it_was_there_and_nobody_left_since(Mode mode, int lastNormal, string sent, string kept)
    {
        await using var rig = new Rig(mode, lastNormal: (ulong)lastNormal);
        Assert.Equal("", await rig.KeepAsync(Entry(Make.Record("a") with { Epoch = 5 }, Enum.Parse<Fence>(sent))));
        Assert.Equal(kept, rig.Journal.FenceOf("a").ToString());
    }

    [Fact]
    public async Task What_was_doubtful_here_stays_doubtful()
    {
        await using var rig = new Rig();
        await rig.Journal.PutAsync(Make.Record("a"), durable: true, Fence.Passed);
        Assert.Equal("", await rig.KeepAsync(Entry(Make.Record("a", 2) with { Epoch = 5 })));
        Assert.Equal(Fence.Passed, rig.Journal.FenceOf("a"));
    }

    [Fact]
    public async Task A_save_that_is_under_way_is_not_overtaken()
    {
        await using var rig = new Rig();
        using (await rig.Locks.EnterAsync("a", CancellationToken.None))
        {
            var keeping = rig.KeepAsync(Entry(Make.Record("a", 2)));
            Assert.NotSame(keeping, await Task.WhenAny(keeping, Task.Delay(50, TestContext.Current.CancellationToken)));
            Assert.Null(rig.Journal.Get("a"));
        }

        await Eventually.True(() => rig.Journal.Get("a") is not null);
    }

    [Fact]
    public async Task What_cannot_be_kept_is_refused_with_the_reason()
    {
        await using var rig = new Rig(maxBytes: 3000);
        Assert.Contains("entry 2 of the batch is damaged", await rig.Reception.KeepAsync([.. rig.Bytes(Entry(Make.Record("a"))), 1]), StringComparison.Ordinal);
        Assert.Contains("full", await rig.KeepAsync(Entry(Make.Record("large", data: new string('x', 4000)))), StringComparison.Ordinal);
        rig.Leaving = true;
        Assert.Contains("leaving", await rig.KeepAsync(Entry(Make.Record("a"))), StringComparison.Ordinal);
        Assert.Equal(0, rig.Journal.Pending);

        await using var alone = new Rig(app: false);
        Assert.Contains("no app", await alone.KeepAsync(Entry(Make.Record("a"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_entry_the_journal_must_not_hold_is_refused()
    {
        await using var rig = new Rig();
        var nested = Make.Record("a") with { Columns = new() { [Make.Data] = JsonSerializer.SerializeToElement(new[] { 1 }) } };
        HandedEntry[] bad =
        [
            new(), new() { Record = Make.Record("a"), Row = Row(1, "x") }, Entry(Make.Record("a b")), Entry(Make.Record("")), Entry(Make.Record("a", 0)),
            Entry(Make.Record("a") with { Columns = null }), Entry(nested), Entry(Make.Record("a"), (Fence)7), new() { Row = Row(1, "x") with { Table = "" } },
        ];
        foreach (var entry in bad)
        {
            Assert.Contains("entry 2 of the batch is not", await rig.KeepAsync(Entry(Make.Record("good")), entry), StringComparison.Ordinal);
            Assert.Equal(0, rig.Journal.Pending);
        }
    }

    /// <summary>A receiving sidecar without its network.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private readonly TempDirectory _directory = new();
        private readonly ModeController _mode;

        public Rig(Mode mode = Mode.Cache, ulong lastNormal = 4, long maxBytes = 1024 * 1024, bool app = true)
        {
            Journal = SessionJournal.Open(_directory["journal"], Log, maxBytes);
            _mode = new ModeController(new ModePage(_directory["mode"], TimeSpan.FromSeconds(1)), Journal, () => 1, false, Log);
            _mode.Obey(new Held(7, Phase.Unwritable, mode, "", ModeController.Now + TimeSpan.FromMinutes(1), true, 2, lastNormal, Mode.Cache));
            var backends = new Backends(_ => { }, Log);
            if (app)
            {
                backends.Announce(JsonSerializer.SerializeToElement(RunningSidecar.App()).Deserialize<AppDescription>(JsonSerializerOptions.Web)!);
            }

            Reception = new Reception(_mode, Journal, backends, Locks, () => Leaving, Log);
        }

        public SessionJournal Journal { get; }
        public KeyLocks Locks { get; } = new();
        public Reception Reception { get; }
        public bool Leaving { get; set; }
        public ListLogger Log { get; } = new();

        public byte[] Bytes(params HandedEntry[] entries) => HandoverBatch.Encode(entries).Bytes;

        public Task<string> KeepAsync(params HandedEntry[] entries) => Reception.KeepAsync(Bytes(entries));

        /// <summary>The journal as a crash at this moment leaves it.</summary>
        public string CopyOfJournal()
        {
            var copy = Directory.CreateDirectory(_directory["copy"]).FullName;
            File.Copy(Path.Combine(_directory["journal"], "journal.log"), Path.Combine(copy, "journal.log"));
            return copy;
        }

        public async ValueTask DisposeAsync()
        {
            _mode.Dispose();
            await Journal.DisposeAsync();
            _directory.Dispose();
        }
    }
}
