using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A sidecar that was away: killed in the outage, or gone while others went on.</summary>
public sealed class RestartTests(SharedPostgres postgres) : OutageTest(postgres)
{
    [Fact]
    public async Task A_sidecar_killed_in_the_middle_loses_nothing()
    {
        await Database.SeedAsync("state", "before");
        await Database.SeedAsync("chain", "before");
        await Database.SeedAsync("loggedout", "before");
        await Database.ExecuteAsync("INSERT INTO auth_user VALUES (1, NULL)");
        using var directory = new TempDirectory();
        using var sidecar = new SidecarProcess(directory.Path);
        try
        {
            await sidecar.StartAsync();
            await HelloAsync(sidecar);
            await OutageAsync(sidecar);
            await SavedAsync(sidecar, Save("state", "after", root: "before", entry: "engine.state"));
            await SavedAsync(sidecar, Save("chain", "one", root: "before"));
            await SavedAsync(sidecar, Save("born", "new", create: true, entry: "engine.born"));
            await SetEntryAsync("engine.born");
            await DeletedAsync(sidecar, Delete("loggedout", "engine.loggedout", "stone.loggedout"));
            await sidecar.OkAsync("/v1/row", Login(1, Later));
            await sidecar.KillAsync();

            await sidecar.StartAsync();
            Assert.Equal(2, sidecar.PageMode);
            await HelloAsync(sidecar);
            Assert.Equal("after", await LoadAsync(sidecar, "state"));
            Assert.Equal("deleted", await LoadAsync(sidecar, "loggedout"));
            await SavedAsync(sidecar, Save("chain", "two"));
            await sidecar.KillAsync();

            await sidecar.StartAsync();
            await HelloAsync(sidecar);
            await RecoveryAsync(sidecar);
            await RowsAreAsync(("born", "new"), ("chain", "two"), ("state", "after"));
            Assert.Equal(2030, ((DateTime)(await Database.QueryAsync("SELECT last_login FROM auth_user")).Single()[0]!).Year);
        }
        finally
        {
            sidecar.End();
        }
    }

    [Fact]
    public async Task A_row_that_somebody_changed_while_the_sidecar_was_away_stays()
    {
        foreach (var key in new[] { "mine", "theirs", "unknown", "removed" })
        {
            await Database.SeedAsync(key, "before");
        }

        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        foreach (var key in new[] { "mine", "theirs", "removed" })
        {
            await SavedAsync(sidecar, Save(key, "saved here", root: "before"));
        }

        await SavedAsync(sidecar, Save("unknown", "saved here"));
        await SavedAsync(sidecar, Save("optional", "x", "optional"));
        await sidecar.RestartAsync();
        await Database.ExecuteAsync("""
            UPDATE django_session SET session_data = 'later, by the engine' WHERE session_key = 'theirs';
            DELETE FROM django_session WHERE session_key = 'removed'
            """);
        await HelloAsync(sidecar);
        await RecoveryAsync(sidecar);
        await RowsAreAsync(("mine", "saved here"), ("theirs", "later, by the engine"), ("unknown", "before"));
    }

    [Fact]
    public async Task A_session_born_in_the_outage_and_logged_out_while_the_sidecar_was_away_stays_out()
    {
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        foreach (var key in new[] { "alive", "loggedout" })
        {
            await SavedAsync(sidecar, Save(key, "new", create: true, tombstone: "stone." + key));
        }

        await sidecar.RestartAsync();
        await SetEntryAsync("stone.loggedout");
        await HelloAsync(sidecar);
        await RecoveryAsync(sidecar);
        await RowsAreAsync(("alive", "new"));
    }

    [Fact]
    public async Task Whether_it_was_logged_out_meanwhile_is_not_guessed_while_the_cache_does_not_answer()
    {
        await Database.SeedAsync("other", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        foreach (var key in new[] { "alive", "loggedout" })
        {
            await SavedAsync(sidecar, Save(key, "new", create: true, tombstone: "stone." + key));
        }

        await SavedAsync(sidecar, Save("other", "after", root: "before"));
        await sidecar.RestartAsync();
        await SetEntryAsync("stone.loggedout");
        Cache.Freeze();
        try
        {
            await HelloAsync(sidecar);
            await Database.WritableAsync();
            await Eventually.True(async () => (await Database.RowsAsync())["other"] == "after", 20);
            await RowsAreAsync(("other", "after"));
        }
        finally
        {
            Cache.Thaw();
        }

        await NormalAsync(sidecar);
        await RowsAreAsync(("alive", "new"), ("other", "after"));
    }

    [Fact]
    public async Task A_change_whose_commit_was_not_heard_of_is_not_taken_for_somebody_elses()
    {
        await Database.SeedAsync("a", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("a", "one", root: "before"));
        await SavedAsync(sidecar, Save("a", "two"));
        await sidecar.RestartAsync();
        // The database has the first of the two: the sidecar died between the commit and its note of it.
        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'one'");
        await HelloAsync(sidecar);
        await RecoveryAsync(sidecar);
        await RowsAreAsync(("a", "two"));
    }

    [Fact]
    public async Task A_save_that_the_kill_cut_short_does_not_come_back_over_what_the_app_saved_alone()
    {
        const string Word = "app.saved";
        await Database.SeedAsync("a", "before");
        using var directory = new TempDirectory();
        using var sidecar = new SidecarProcess(directory.Path);
        try
        {
            await sidecar.StartAsync();
            await HelloAsync(sidecar);
            await OutageAsync(sidecar);
            var save = Save("a", "one", root: "before");
            save["savedEntry"] = Word;
            await SavedAsync(sidecar, save);
            var journal = Path.Combine(directory["journal"], "journal.log");
            var length = new FileInfo(journal).Length;
            await SavedAsync(sidecar, Save("a", "two"));
            await sidecar.KillAsync();
            // As if between the shared cache and the journal: the cache alone has the second.
            using (var file = new FileStream(journal, FileMode.Open))
            {
                file.SetLength(length);
            }

            await Database.ExecuteAsync("UPDATE django_session SET session_data = 'past both'");
            await SetEntryAsync(Word);
            await sidecar.StartAsync();
            await HelloAsync(sidecar);
            Assert.Equal("none", await LoadAsync(sidecar, "a"));
            Assert.False(await HasEntryAsync(Word));
            await RecoveryAsync(sidecar);
            await RowsAreAsync(("a", "past both"));
        }
        finally
        {
            sidecar.End();
        }
    }
}
