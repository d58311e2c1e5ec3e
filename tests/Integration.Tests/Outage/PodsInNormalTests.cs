using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>One pod has met an outage and serves sessions by records; the other has not, and its engine goes on with the rows.</summary>
public sealed class PodsInNormalTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    private async Task OneApartWithoutRowsAsync()
    {
        await TwoPodsInCacheAsync();
        await SayAsync(Mode.Drain);
        await SayAsync(Mode.Normal);
        await NoRowIsReadAsync();
        await OutageAsync(One);
    }

    private Task NoRowIsReadAsync() => Database.ExecuteAsync("ALTER TABLE django_session RENAME TO hidden");

    private Task RowsAreBackAsync() => Database.ExecuteAsync("ALTER TABLE hidden RENAME TO django_session");

    // A row that is not read within a tenth of a second is not waited for: on a busy machine the next request finds out.
    private static Task EndsAsNoneAsync(SidecarClient sidecar) => Eventually.True(async () => await LoadAsync(sidecar, "a") == "none");

    private Task TheOtherSavesAsync(string data) => Database.ExecuteAsync($"UPDATE django_session SET session_data = '{data}'");

    [Fact]
    public async Task What_its_engine_saves_is_newer_than_a_record()
    {
        await Database.SeedAsync("a", "before");
        await OneApartAsync();
        await SavedAsync(One, Save("a", "one", root: "before"));
        Assert.Equal("one", await LoadAsync(One, "a"));
        await TheOtherSavesAsync("by the other");
        await EndsAsNoneAsync(One);
        // A change that was under way builds upon the row, whatever it was loaded from.
        await SavedAsync(One, Save("a", "two", root: "before"));
        Assert.Equal("two", await LoadAsync(One, "a"));
        await ReplayedAsync();
        await RowsAreAsync(("a", "two"));
    }

    [Fact]
    public async Task A_save_finds_out_without_a_load()
    {
        await Database.SeedAsync("a", "before");
        await OneApartAsync();
        await SavedAsync(One, Save("a", "one", root: "before"));
        await TheOtherSavesAsync("by the other");
        await SavedAsync(One, Save("a", "two", root: "one"));
        await ReplayedAsync();
        await RowsAreAsync(("a", "two"));
    }

    [Fact]
    public async Task A_record_of_those_moments_is_not_replayed_over_it()
    {
        await Database.SeedAsync("a", "before");
        await OneApartAsync();
        await SavedAsync(One, Save("a", "one", root: "before"));
        await RowAnsweredAsync(One, "a", "one");
        Assert.Equal("one", await LoadAsync(One, "a"));
        await TheOtherSavesAsync("by the other");
        await ReplayedAsync();
        await RowsAreAsync(("a", "by the other"));
    }

    [Fact]
    public async Task Where_the_database_has_not_answered_meanwhile_nobody_has_saved()
    {
        await Database.SeedAsync("a", "in the row alone");
        await OneApartWithoutRowsAsync();
        await SavedAsync(One, Save("a", "one", root: "in the engine's entry alone"));
        await SayAsync(Mode.Cache);
        await RowsAreBackAsync();
        await ReplayedAsync();
        await RowsAreAsync(("a", "one"));
    }

    [Fact]
    public async Task A_record_of_which_nobody_knows_what_row_it_came_from_is_served_whatever_the_row_holds()
    {
        await Database.SeedAsync("a", "before");
        await OneApartWithoutRowsAsync();
        await SavedAsync(One, Save("a", "one"));
        await RowsAreBackAsync();
        Assert.Equal("one", await LoadAsync(One, "a"));
        await SavedAsync(One, Save("a", "two", root: "one"));
        Assert.Equal("two", await LoadAsync(One, "a"));
    }

    [Fact]
    public async Task Once_all_are_in_fallback_such_a_record_is_asked_for_once_more()
    {
        await Database.SeedAsync("a", "before");
        await Database.SeedAsync("b", "before");
        await OneApartAsync();
        await SavedAsync(One, Save("a", "one", root: "before"));
        await SavedAsync(One, Save("b", "one", root: "before"));
        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'by the other' WHERE session_key = 'a'");
        await SayAsync(Mode.Cache);
        await OutageAsync(Two);
        await EndsAsNoneAsync(Two);
        await SavedAsync(Two, Save("b", "two", root: "one"));
        // From here on nobody in Normal can have saved it.
        await TheOtherSavesAsync("by nobody");
        Assert.Equal("two", await LoadAsync(One, "b"));
    }

    [Fact]
    public async Task A_database_that_does_not_answer_takes_no_record_away()
    {
        await Database.SeedAsync("a", "before");
        await OneApartAsync();
        await SavedAsync(One, Save("a", "one", root: "before"));
        await NoRowIsReadAsync();
        Assert.Equal("one", await LoadAsync(One, "a"));
        await SavedAsync(One, Save("a", "two", root: "one"));
        Assert.Equal("two", await LoadAsync(One, "a"));
        await RowsAreBackAsync();
        await ReplayedAsync();
        await RowsAreAsync(("a", "two"));
    }

    [Fact]
    public async Task A_session_that_its_engine_ends_is_ended()
    {
        await Database.SeedAsync("a", "before");
        await Database.SeedAsync("b", "before");
        await OneApartAsync();
        await SavedAsync(One, Save("a", "one", root: "before"));
        await SavedAsync(One, Save("b", "one", root: "before"));
        await RowAnsweredAsync(One, "a", "one");
        await Database.ExecuteAsync("DELETE FROM django_session");
        await EndsAsNoneAsync(One);
        // So it is for a request that had loaded it before.
        Assert.Equal("deleted", await One.OutcomeAsync("/v1/save", Save("b", "two", root: "one")));
        await ReplayedAsync();
        await RowsAreAsync();
    }

    [Fact]
    public async Task So_is_one_that_has_no_row_yet_of_which_the_engines_entry_tells()
    {
        await OneApartAsync();
        foreach (var key in new[] { "loaded", "saved", "left", "alive" })
        {
            await SetEntryAsync("engine." + key);
            await SavedAsync(One, Save(key, "one", create: true, entry: "engine." + key));
            Assert.Equal("one", await LoadAsync(One, key));
            if (key != "alive")
            {
                await Entries.DeleteEverywhereAsync("engine." + key, CancellationToken.None);
            }
        }

        Assert.Equal("deleted", await LoadAsync(One, "loaded"));
        Assert.Equal("deleted", await One.OutcomeAsync("/v1/save", Save("saved", "two")));
        await ReplayedAsync();
        await RowsAreAsync(("alive", "one"));
    }

    [Fact]
    public async Task A_session_born_here_is_found_by_the_other_which_follows()
    {
        await Database.SeedAsync("a", "before");
        await OneApartAsync();
        await SetEntryAsync("engine.born");
        await SavedAsync(One, Save("a", "one", root: "before"));
        await SavedAsync(One, Save("born", "here", create: true, entry: "engine.born"));
        await SavedAsync(One, Save("ended", "here", create: true, entry: "engine.ended"));
        foreach (var key in new[] { "unknown", "a", "ended" })
        {
            Assert.Equal("none", await RowGoneAsync(Two, key));
            Assert.Equal((byte)Mode.Normal, Two.PageMode);
        }

        Assert.Equal("here", await RowGoneAsync(Two, "born"));
        Assert.Equal((byte)Mode.Cache, Two.PageMode);
        await SavedAsync(Two, Save("born", "there"));
        Assert.Equal("there", await LoadAsync(One, "born"));
        // Where there is a fallback already, a session that had a row was ended.
        Assert.Equal("there", await RowGoneAsync(One, "born"));
        Assert.Equal("none", await RowGoneAsync(One, "a"));
    }

    [Fact]
    public async Task A_session_born_before_all_obeyed_is_inserted_when_the_cache_that_would_tell_of_its_end_was_emptied()
    {
        await TwoPodsInCacheAsync();
        await SayAsync(Mode.Normal);
        await SayAsync(Mode.Cache, settled: false);
        await SavedAsync(One, Save("born", "here", create: true, entry: "engine.born"));
        await SetEntryAsync("engine.born");
        Assert.Equal("here", await LoadAsync(One, "born"));
        await Cache.KillAsync();
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "born") == "here");
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => (await One.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("born", "here"));
    }
}
