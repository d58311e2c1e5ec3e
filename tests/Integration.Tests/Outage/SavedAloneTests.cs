using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A pod whose sidecar is down saves with its engine, while the others serve sessions by records.</summary>
public sealed class SavedAloneTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    private const string Word = "app.saved";

    private static Dictionary<string, object?> Known(string data, string? root = "before")
    {
        var save = Save("a", data, root: root);
        save["savedEntry"] = Word;
        return save;
    }

    private async Task SavedPastAsync()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Known("one"));
        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'past both'");
        await SetEntryAsync(Word);
    }

    [Fact]
    public async Task What_was_saved_past_all_records_is_read_by_all_and_not_overwritten()
    {
        await SavedPastAsync();
        Assert.Equal("none", await LoadAsync(Two, "a"));
        Assert.Equal("none", await LoadAsync(One, "a"));
        Assert.False(await HasEntryAsync(Word));
        await DrainedAsync();
        await RowsAreAsync(("a", "past both"));
    }

    [Fact]
    public async Task A_record_is_not_replayed_over_it_although_nobody_asked()
    {
        await SavedPastAsync();
        await DrainedAsync();
        await RowsAreAsync(("a", "past both"));
    }

    [Fact]
    public async Task A_change_made_from_it_is_the_newest()
    {
        await SavedPastAsync();
        await SavedAsync(Two, Known("two", root: "past both"));
        Assert.Equal("two", await LoadAsync(One, "a"));
        Assert.False(await HasEntryAsync(Word));
        await DrainedAsync();
        await RowsAreAsync(("a", "two"));
    }

    [Fact]
    public async Task A_row_that_cannot_be_read_leaves_the_session_unreadable_and_neither_lost_nor_old()
    {
        await SavedPastAsync();
        await Database.ExecuteAsync("ALTER TABLE django_session RENAME TO hidden");
        Assert.Equal("unreadable", await LoadAsync(Two, "a"));
        Assert.Equal("refused", await Two.OutcomeAsync("/v1/save", Known("two")));
        await Database.ExecuteAsync("ALTER TABLE hidden RENAME TO django_session");
        Assert.Equal("none", await LoadAsync(Two, "a"));
    }

    [Fact]
    public async Task A_word_that_is_left_over_takes_nothing_from_a_later_record()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SetEntryAsync(Word);
        await SavedAsync(One, Known("one", root: null));
        Assert.False(await HasEntryAsync(Word));
        // Nor does one of a save that was the row's state already.
        await SavedAsync(One, Known("two"));
        await SetEntryAsync(Word);
        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'one'");
        Assert.Equal("two", await LoadAsync(Two, "a"));
        await DrainedAsync();
        await RowsAreAsync(("a", "two"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_only_pods_app_was_alone_while_its_sidecar_stood_still(bool asked)
    {
        await Database.SeedAsync("a", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Known("one"));
        await SavedAsync(sidecar, Save("born", "new", create: true, tombstone: "stone"));
        // What the engine does with the database that is back, and the adapter with the cache.
        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'past it' WHERE session_key = 'a'");
        await SetEntryAsync(Word);
        await SetEntryAsync("stone");
        if (asked)
        {
            Assert.Equal("none", await LoadAsync(sidecar, "a"));
            Assert.Equal("deleted", await LoadAsync(sidecar, "born"));
            await SavedAsync(sidecar, Known("two", root: "past it"));
            Assert.False(await HasEntryAsync(Word));
        }

        await RecoveryAsync(sidecar);
        await RowsAreAsync(("a", asked ? "two" : "past it"));
    }

    [Fact]
    public async Task In_the_only_pod_too_a_word_that_is_left_over_takes_nothing_from_a_later_record()
    {
        await Database.SeedAsync("a", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SetEntryAsync(Word);
        await SavedAsync(sidecar, Known("one", root: null));
        Assert.False(await HasEntryAsync(Word));
        await RecoveryAsync(sidecar);
        await RowsAreAsync(("a", "one"));
    }
}
