using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Journal;

public class JournalStateTests
{
    private static JournalState After(params JournalEntry[] entries)
    {
        var state = new JournalState();
        foreach (var entry in entries)
        {
            state.Apply(entry);
        }

        return state;
    }

    private static JournalEntry Put(SessionRecord record) => new() { Record = record };

    private static JournalEntry Done(string key, long version) => new() { RecordDone = new Done(key, version) };

    private static RowUpdate Row(int user, string login, long version) => new()
    {
        Table = "auth_user",
        KeyColumn = "id",
        Key = Make.Json(user),
        Columns = new() { ["last_login"] = Make.Json(login) },
        Version = version,
    };

    [Fact]
    public void One_record_a_session_survives_the_newest()
    {
        var state = After(Put(Make.Record("a", 1, "one")), Put(Make.Record("a", 3, "three")), Put(Make.Record("a", 2, "two")));
        Assert.Equal("three", Make.DataOf(state.Get("a")!));
        Assert.Equal(1, state.Pending);
    }

    [Fact]
    public void A_tombstone_is_final()
    {
        var state = After(Put(Make.Record("a", 1)), Put(Make.Tombstone("a", 2)), Put(Make.Record("a", 9)), Done("a", 9));
        Assert.True(state.Get("a")!.Deleted);
        Assert.Equal(1, state.Pending);
    }

    [Fact]
    public void A_replayed_tombstone_is_kept_and_no_longer_pending()
    {
        var state = After(Put(Make.Tombstone("a", 2)), Put(Make.Tombstone("a", 2) with { Clean = true }), Done("a", 2));
        Assert.True(state.Get("a")!.Deleted);
        Assert.Equal(0, state.Pending);
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(2, true)]
    [InlineData(1, false)]
    public void Done_forgets_what_the_database_has_and_nothing_newer(long version, bool gone) =>
        Assert.Equal(gone, After(Put(Make.Record("a", 2)), Done("a", version)).Get("a") is null);

    [Fact]
    public void The_bytes_of_what_is_gone_are_free_again()
    {
        var state = After(Put(Make.Record("a", 1, new string('x', 1000))), Put(Make.Record("b")));
        var both = state.LiveBytes;
        state.Apply(Done("a", 1));
        Assert.InRange(both - state.LiveBytes, 1000, 1500);
        state.Apply(Done("b", 1));
        Assert.Equal(0, state.LiveBytes);
    }

    [Fact]
    public void Who_waits_comes_first_then_tombstones_then_the_oldest()
    {
        var state = After(
            Put(Make.Record("old")), Put(Make.Record("young")), Put(Make.Tombstone("stone")), Put(Make.Record("waiting")),
            Put(Make.Tombstone("clean") with { Clean = true }));
        Assert.Equal(["waiting", "stone", "old", "young"], state.PendingRecords(10, ["waiting", "clean", "unknown"]).Select(r => r.Key));
        Assert.Equal(["waiting", "stone"], state.PendingRecords(2, ["waiting"]).Select(r => r.Key));
        Assert.Equal(["waiting"], state.PendingRecords(1, ["waiting", "old"]).Select(r => r.Key));
    }

    [Fact]
    public void Only_records_whose_expiry_alone_moved_are_dropped_oldest_first()
    {
        var state = After(
            Put(Make.Record("state")), Put(Make.Record("optional 1", dirty: false)), Put(Make.Tombstone("stone")),
            Put(Make.Record("optional 2", dirty: false)), Put(Make.Record("born", born: true)));
        Assert.Equal(1, state.DropOptional(1));
        Assert.Null(state.Get("optional 1"));
        Assert.NotNull(state.Get("optional 2"));
        Assert.Equal(1, state.DropOptional(long.MaxValue / 2));
        Assert.Equal(["born", "state", "stone"], state.Records.Select(r => r.Key).Order());
    }

    [Fact]
    public void A_tombstone_is_forgotten_when_it_is_replayed_and_no_cookie_can_come_back()
    {
        var state = After(Put(Make.Tombstone("replayed") with { Clean = true }), Put(Make.Tombstone("pending")));
        state.ForgetExpiredTombstones(Make.Expires);
        Assert.NotNull(state.Get("replayed"));
        state.ForgetExpiredTombstones(Make.Expires.AddSeconds(1));
        Assert.Null(state.Get("replayed"));
        Assert.NotNull(state.Get("pending"));
    }

    [Fact]
    public void One_update_a_row_survives_and_done_forgets_nothing_newer()
    {
        var state = After(new JournalEntry { Row = Row(5, "monday", 1) }, new JournalEntry { Row = Row(6, "monday", 2) },
            new JournalEntry { Row = Row(5, "tuesday", 3) });
        Assert.Equal(["monday", "tuesday"], state.Rows.Select(r => r.Columns["last_login"].GetString()).Order());
        Assert.Equal(2, state.Pending);
        state.Apply(new JournalEntry { RowDone = new Done(Row(5, "", 0).Identity, 2) });
        Assert.Equal(2, state.Pending);
        state.Apply(new JournalEntry { RowDone = new Done(Row(5, "", 0).Identity, 3) });
        Assert.Equal(1, state.Pending);
    }

    [Fact]
    public void A_snapshot_adds_up_to_the_same_state()
    {
        var inForce = new InForce(7, 2, 6, true, 2);
        var state = After(
            new JournalEntry { InForce = inForce }, Put(Make.Record("a", 1)), Put(Make.Record("b", 4, "four")), Put(Make.Tombstone("c", 3)),
            Put(Make.Tombstone("d", 3) with { Clean = true }), Put(Make.Record("a", 2, "two")), Done("b", 3),
            new JournalEntry { Row = Row(5, "monday", 1) });
        var again = After([.. state.Snapshot()]);
        Assert.Equal(state.Records.OrderBy(r => r.Key), again.Records.OrderBy(r => r.Key));
        Assert.Equal(state.PendingRecords(9, []).Select(r => r.Key), again.PendingRecords(9, []).Select(r => r.Key));
        Assert.Equal(state.Rows, again.Rows);
        Assert.Equal((state.Pending, inForce), (again.Pending, again.InForce));
    }
}
