using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Sessions;

public class SessionChangeTests
{
    private static readonly Fingerprint Root = Fingerprints.Of("root");

    private static SessionRecord Next(SessionRecord? newest, SaveRequest request) =>
        SessionChange.Next(newest, request, Make.Data, Make.Expiry, epoch: 7);

    [Fact]
    public void The_first_change_starts_the_chain_at_the_row_it_was_made_from()
    {
        var record = Next(null, Make.Save("a", "one", root: Root));
        Assert.Equal((1L, true, false, Root), (record.Version, record.Dirty, record.Born, record.Base));
        Assert.Null(record.Lineage);
        Assert.Equal(7UL, record.Epoch);
    }

    [Fact]
    public void A_later_change_keeps_the_root_and_remembers_what_it_replaced()
    {
        var record = Next(Make.Record("a", 4, "one", root: Root), Make.Save("a", "two", root: Fingerprints.Of("what the adapter loaded")));
        Assert.Equal((5L, Root), (record.Version, record.Base));
        Assert.Equal([Fingerprints.Of("one")], record.Lineage!);
        Assert.Equal("two", Make.DataOf(record));
    }

    [Fact]
    public void A_session_whose_end_was_refused_may_be_inserted_and_stays_what_it_is()
    {
        var whole = Next(null, Make.Save("a", "as it was", change: "optional", root: Root) with { RowUnsure = true });
        Assert.Equal((true, false, Root), (whole.Born, whole.Dirty, whole.Base));
        var changed = Next(Make.Record("a", 4, "newer", root: Root), Make.Save("a", "as it was", change: "optional") with { RowUnsure = true });
        Assert.Equal((true, true, "newer"), (changed.Born, changed.Dirty, Make.DataOf(changed)));
        Assert.True(Next(whole, Make.Save("a", "afterwards")).Born);
    }

    [Fact]
    public void The_lineage_is_bounded_and_forgets_the_oldest()
    {
        var record = Next(null, Make.Save("a", "state 0"));
        for (var i = 1; i <= 20; i++)
        {
            record = Next(record, Make.Save("a", $"state {i}"));
        }

        Assert.Equal(Enumerable.Range(4, 16).Select(i => Fingerprints.Of($"state {i}")), record.Lineage!);
    }

    [Fact]
    public void An_optional_save_moves_the_expiry_and_keeps_newer_data()
    {
        var record = Next(Make.Record("a", 4, "newer", root: Root), Make.Save("a", "as it was loaded", change: "optional"));
        Assert.Equal("newer", Make.DataOf(record));
        Assert.Equal(Make.Later, record.Columns![Make.Expiry].GetString());
        Assert.True(record.Dirty);
    }

    [Fact]
    public void An_optional_save_leaves_the_expiry_of_what_was_changed_since_it_was_loaded()
    {
        var changed = Make.Record("a", 4, "expires soon", root: Root);
        var record = Next(changed, Make.Save("a", "as it was loaded", change: "optional", root: Fingerprints.Of("as it was loaded")));
        Assert.Equal(5L, record.Version);
        Assert.Equal(changed.Expires, record.Expires);
        Assert.Equal(changed.Columns, record.Columns);
        record = Next(changed, Make.Save("a", "signed anew", change: "optional", root: Fingerprints.Of("expires")));
        Assert.Equal(Make.Later, record.Columns![Make.Expiry].GetString());
        Assert.Equal("expires soon", Make.DataOf(record));
    }

    [Fact]
    public void An_optional_save_alone_holds_no_data_the_database_has_not_seen() =>
        Assert.False(Next(null, Make.Save("a", change: "optional")).Dirty);

    [Fact]
    public void Data_stays_unseen_by_the_database_after_a_later_optional_save()
    {
        var optional = Next(Next(null, Make.Save("a", "one")), Make.Save("a", "one", change: "optional"));
        Assert.True(optional.Dirty);
    }

    [Fact]
    public void A_session_created_in_the_outage_stays_born_through_its_later_changes()
    {
        var record = Next(null, Make.Save("a", "one", create: true));
        Assert.True(record is { Born: true, Dirty: true });
        record = Next(Next(record, Make.Save("a", "two")), Make.Save("a", "two", change: "optional"));
        Assert.True(record is { Born: true, Dirty: true, Version: 3 });
    }

    [Fact]
    public void A_clean_marker_carries_the_version_and_nothing_else()
    {
        var marker = Make.Record("a", 9, "in the database", born: true, root: Fingerprints.Of("long ago")) with { Clean = true };
        var record = Next(marker, Make.Save("a", "next", root: Root));
        Assert.Equal((10L, false, Root), (record.Version, record.Born, record.Base));
        Assert.Null(record.Lineage);
        Assert.False(Next(marker, Make.Save("a", "same", change: "optional")).Dirty);
    }

    [Fact]
    public void Names_of_cache_entries_survive_a_save_that_does_not_name_them()
    {
        var first = Next(null, Make.Save("a") with { CacheEntry = "entry", TombstoneEntry = "stone", SavedEntry = "word" });
        var second = Next(first, Make.Save("a", "two"));
        Assert.Equal(("entry", "stone", "word"), (second.CacheEntry, second.TombstoneEntry, second.SavedEntry));
    }

    [Theory]
    [InlineData(3, false, 9, true, 1)]
    [InlineData(9, true, 3, false, 0)]
    [InlineData(3, false, 4, false, 1)]
    [InlineData(4, false, 3, false, 0)]
    [InlineData(3, true, 4, true, 1)]
    public void A_tombstone_wins_then_the_higher_version(long a, bool aDeleted, long b, bool bDeleted, int expected)
    {
        SessionRecord[] both = [Make.Record("a", a) with { Deleted = aDeleted }, Make.Record("a", b) with { Deleted = bDeleted }];
        Assert.Same(both[expected], SessionRecord.Newest(both[0], both[1]));
        Assert.Same(both[expected], SessionRecord.Newest(both[1], both[0]));
    }

    [Fact]
    public void A_tombstone_wins_over_a_higher_version()
    {
        var stone = Make.Tombstone("a", 2);
        Assert.Same(stone, SessionRecord.Newest(stone, Make.Record("a", 50)));
        Assert.Same(stone, SessionRecord.Newest(Make.Record("a", 50), stone));
        Assert.Same(stone, SessionRecord.Newest(null, stone));
        Assert.Null(SessionRecord.Newest(null, null));
    }

    [Fact]
    public void A_fingerprint_covers_bytes_and_not_characters()
    {
        var fingerprint = Fingerprints.Of("größe");
        Assert.Equal(7, fingerprint.Length);
        Assert.True(Fingerprints.Matches(fingerprint, "größe:1abc"));
        Assert.False(Fingerprints.Matches(fingerprint, "große:1abc"));
        Assert.False(Fingerprints.Matches(fingerprint, "grö"));
        Assert.False(Fingerprints.Matches(fingerprint with { Length = -1 }, "größe"));
    }
}
