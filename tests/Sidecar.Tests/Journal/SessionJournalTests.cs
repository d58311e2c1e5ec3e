using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Journal;

public class SessionJournalTests
{
    [Fact]
    public async Task What_was_acknowledged_is_there_at_the_next_start()
    {
        using var disk = new JournalOnDisk();
        var inForce = new InForce(7, 2, 6, true, 2);
        await disk.With(async journal =>
        {
            await journal.PutAsync(inForce);
            await journal.PutAsync(Make.Record("a", 3, "größe \"quoted\" \n", root: new Fingerprint(4, "abc="), lineage: ["one"]), durable: true);
            await journal.PutAsync(Make.Tombstone("b", 2), durable: true);
            await journal.PutAsync(Make.Record("c", 5), durable: true);
            await journal.DoneAsync(Make.Record("c", 5));
            await journal.PutAsync(new RowUpdate { Table = "t", KeyColumn = "id", Key = Make.Json(5), Columns = Make.Columns("x"), Version = 9 });
        });
        await disk.With(journal =>
        {
            var record = journal.Get("a")!;
            Assert.Equal((3L, "größe \"quoted\" \n", new Fingerprint(4, "abc=")), (record.Version, Make.DataOf(record), record.Base));
            Assert.Equal([Fingerprints.Of("one")], record.Lineage!);
            Assert.Equal(Make.Expires, record.Expires);
            Assert.True(journal.Get("b")!.Deleted);
            Assert.Null(journal.Get("c"));
            Assert.Equal(9, Assert.Single(journal.PendingRows()).Version);
            Assert.Equal(3, journal.Pending);
            return Assert.IsType<InForce>(journal.InForce) == inForce ? Task.CompletedTask : throw new InvalidOperationException("not in force");
        });
    }

    [Fact]
    public async Task The_file_belongs_to_its_owner_alone()
    {
        using var disk = new JournalOnDisk();
        await disk.Fill("a");
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(disk.File));
    }

    [Fact]
    public async Task Many_writers_at_once_lose_nothing()
    {
        using var disk = new JournalOnDisk();
        await disk.With(journal => Task.WhenAll(Enumerable.Range(0, 5000).Select(i => journal.PutAsync(Make.Record($"k{i}"), durable: true))));
        Assert.Equal(5000, (await disk.Keys()).Length);
    }

    [Fact]
    public async Task Compaction_shortens_the_file_and_keeps_everything()
    {
        using var disk = new JournalOnDisk();
        var large = new string('x', 100_000);
        await disk.With(async journal =>
        {
            await journal.PutAsync(new InForce(7, 2, 6, true, 2));
            await journal.PutAsync(Make.Tombstone("pending stone"), durable: true);
            await journal.PutAsync(Make.Tombstone("clean stone") with { Clean = true }, durable: true);
            await journal.PutAsync(Make.Tombstone("expired stone") with { Clean = true, Expires = DateTime.UtcNow.AddDays(-1) }, durable: true);
            await journal.PutAsync(new RowUpdate { Table = "t", KeyColumn = "id", Key = Make.Json(5), Columns = Make.Columns("x"), Version = 9 });
            await journal.PutAsync(Make.Record("born", 1, "born", born: true), durable: true);
            for (var version = 1; version <= 100; version++)
            {
                await Task.WhenAll(
                    journal.PutAsync(Make.Record("busy", version, large + version), durable: false),
                    journal.PutAsync(Make.Record($"k{version}", 1, "small"), durable: false));
            }
        });
        Assert.InRange(new FileInfo(disk.File).Length, 1, 9_000_000);
        Assert.False(File.Exists(disk.File + ".new"));
        await disk.With(async journal =>
        {
            Assert.Equal(large + 100, Make.DataOf(journal.Get("busy")!));
            Assert.All(Enumerable.Range(1, 100), i => Assert.NotNull(journal.Get($"k{i}")));
            Assert.True(journal.Get("pending stone") is { Deleted: true, Clean: false });
            Assert.True(journal.Get("clean stone") is { Deleted: true, Clean: true });
            Assert.Null(journal.Get("expired stone"));
            Assert.True(journal.Get("born") is { Born: true });
            Assert.Single(journal.PendingRows());
            Assert.Equal(7UL, journal.InForce!.Epoch);
            await journal.PutAsync(Make.Record("after", 1), durable: true);
        });
        Assert.Contains("after", await disk.Keys());
    }

    [Fact]
    public async Task A_full_journal_drops_optional_changes_oldest_first_and_then_refuses()
    {
        using var disk = new JournalOnDisk();
        await using var journal = disk.Open(maxLiveBytes: 100_000);
        for (var i = 0; i < 40; i++)
        {
            await journal.PutAsync(Make.Record($"optional{i}", dirty: false, data: new string('x', 1000)), durable: false);
            await journal.PutAsync(Make.Record($"state{i}", data: new string('x', 1000)), durable: false);
        }

        Assert.Equal(0, journal.Overflowed);
        var accepted = 40;
        await Assert.ThrowsAsync<JournalFullException>(async () =>
        {
            for (; ; accepted++)
            {
                await journal.PutAsync(Make.Record($"state{accepted}", data: new string('x', 1000)), durable: false);
                var left = Enumerable.Range(0, 40).Where(i => journal.Get($"optional{i}") is not null).ToList();
                Assert.Equal(Enumerable.Range(40 - left.Count, left.Count), left);
            }
        });
        Assert.Equal(40, journal.Overflowed);
        Assert.InRange(accepted, 60, 99);
        Assert.All(Enumerable.Range(0, accepted), i => Assert.NotNull(journal.Get($"state{i}")));
        Assert.Null(journal.Get($"state{accepted}"));
        await journal.DoneAsync(Make.Record("state0"));
        await journal.PutAsync(Make.Record("again"), durable: true);
    }

    [Fact]
    public async Task A_change_that_is_longer_in_the_journal_than_in_the_request_can_be_read_back()
    {
        using var disk = new JournalOnDisk();
        // Six bytes of JSON for each of these characters.
        await disk.With(journal => journal.PutAsync(Make.Record("a", data: new string('+', 3 * 1024 * 1024)), durable: true));
        Assert.InRange(new FileInfo(disk.File).Length, 17_000_000, JournalFrame.MaxPayloadBytes);
        Assert.Equal(["a"], await disk.Keys());
        Assert.Empty(disk.KeptAside);
    }

    [Fact]
    public async Task What_was_read_from_disk_or_outlasted_an_outage_is_past_the_fence()
    {
        using var disk = new JournalOnDisk();
        await disk.Fill("from disk");
        await disk.With(async journal =>
        {
            await journal.PutAsync(Make.Record("of this outage"), durable: true);
            Assert.NotEqual(Fence.Whole, journal.FenceOf("from disk"));
            Assert.Equal(Fence.Whole, journal.FenceOf("of this outage"));
            journal.NormalBegins();
            Assert.NotEqual(Fence.Whole, journal.FenceOf("of this outage"));
            await journal.PutAsync(Make.Record("overtaken by the recovery"), durable: true);
            journal.NormalEnds();
            Assert.NotEqual(Fence.Whole, journal.FenceOf("overtaken by the recovery"));
            await journal.PutAsync(Make.Record("of the next outage"), durable: true);
            Assert.Equal(Fence.Whole, journal.FenceOf("of the next outage"));
            await journal.PutAsync(Make.Record("made in Normal"), durable: true, Fence.Passed);
            Assert.NotEqual(Fence.Whole, journal.FenceOf("made in Normal"));
        });
    }

    [Fact]
    public async Task The_mark_goes_with_the_record()
    {
        using var disk = new JournalOnDisk();
        await disk.Fill("a");
        await disk.With(async journal =>
        {
            await journal.PutAsync(Make.Record("a", 2), durable: true);
            await journal.DoneAsync(Make.Record("a", 1));
            Assert.NotEqual(Fence.Whole, journal.FenceOf("a"));
            await journal.DoneAsync(Make.Record("a", 2));
            Assert.Equal(Fence.Whole, journal.FenceOf("a"));
        });
    }

    [Fact]
    public async Task A_closed_journal_acknowledges_nothing()
    {
        using var disk = new JournalOnDisk();
        var journal = disk.Open();
        await journal.DisposeAsync();
        await Assert.ThrowsAsync<JournalException>(() => journal.PutAsync(Make.Record("a"), durable: true));
    }
}
