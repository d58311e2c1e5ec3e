using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A solitary sidecar through an outage and back: afterwards the database is what the users did.</summary>
public sealed class ReplayTests(SharedPostgres postgres) : OutageTest(postgres)
{
    [Fact]
    public async Task After_the_outage_every_row_is_the_state_last_acknowledged()
    {
        await Database.SeedAsync("state", "before");
        await Database.SeedAsync("optional", "before");
        await Database.SeedAsync("loggedout", "before");
        await Database.SeedAsync("removed", "before");
        await Database.SeedAsync("untouched", "before");
        await SetEntryAsync("engine.state");
        await SetEntryAsync("engine.loggedout");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);

        await SavedAsync(sidecar, Save("state", "first", entry: "engine.state"));
        await SavedAsync(sidecar, Save("state", "second"));
        await SavedAsync(sidecar, Save("optional", "as it was loaded", "optional"));
        await SavedAsync(sidecar, Save("loggedout", "once more"));
        await DeletedAsync(sidecar, Delete("loggedout", "engine.loggedout", "stone.loggedout"));
        await SavedAsync(sidecar, Save("removed", "changed here"));
        await Database.ExecuteAsync("DELETE FROM django_session WHERE session_key = 'removed'");
        await SavedAsync(sidecar, Save("born", "new", create: true));
        await SavedAsync(sidecar, Save("born", "new and changed"));
        await SavedAsync(sidecar, Save("brief", "new", create: true));
        await DeletedAsync(sidecar, Delete("brief"));
        await SetEntryAsync("engine.state");
        Assert.Equal(6, (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32());

        var modes = new List<byte>();
        await Database.WritableAsync();
        await Eventually.True(() =>
        {
            var mode = sidecar.PageMode;
            if (modes.Count == 0 || modes[^1] != mode)
            {
                modes.Add(mode);
            }

            return mode == 0;
        }, 15);

        Assert.Equal([2, 3, 0], modes);
        await RowsAreAsync(("born", "new and changed"), ("optional", "before"), ("state", "second"), ("untouched", "before"));
        Assert.Equal(DateTime.Parse(Later).ToUniversalTime(), await Database.ExpiryAsync("optional"));
        Assert.Equal(0, (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32());
        Assert.False(await HasEntryAsync("engine.state"));
        Assert.False(await HasEntryAsync("engine.loggedout"));
        Assert.True(await HasEntryAsync("stone.loggedout"));
        Assert.Equal("deleted", await LoadAsync(sidecar, "loggedout"));
        Assert.Equal("none", await LoadAsync(sidecar, "state"));
    }

    [Fact]
    public async Task Columns_of_the_apps_own_are_written_in_their_own_types()
    {
        await Database.SeedAsync("old", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        (string, object?)[] extra = [("user_id", 17), ("seen", "2026-01-31T12:00:00.123456Z"), ("staff", true),
            ("photo", new { base64 = Convert.ToBase64String([0, 1, 255]) })];
        await SavedAsync(sidecar, Save("old", "größe '\"\\ \t", extra: extra));
        await SavedAsync(sidecar, Save("born", "new", create: true, extra: extra));
        await SavedAsync(sidecar, Save("nulls", "new", create: true, extra: [("user_id", null), ("seen", null), ("staff", false), ("photo", null)]));
        await RecoveryAsync(sidecar);

        var rows = await Database.QueryAsync(
            "SELECT session_key, session_data, user_id, seen, staff, photo FROM django_session WHERE session_key !~ 'probe' ORDER BY 1");
        object?[] typed = [17, new DateTime(2026, 1, 31, 12, 0, 0, DateTimeKind.Utc).AddTicks(1234560), true, new byte[] { 0, 1, 255 }];
        Assert.Equal(["born", "new", .. typed], rows[0]);
        Assert.Equal(["nulls", "new", null, null, false, null], rows[1]);
        Assert.Equal(["old", "größe '\"\\ \t", .. typed], rows[2]);
    }

    [Fact]
    public async Task An_expiry_is_moved_forward_and_not_back()
    {
        await Database.SeedAsync("forward", "x", "2029-01-01T00:00:00Z");
        await Database.SeedAsync("back", "x", "2031-01-01T00:00:00Z");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("forward", "x", "optional"));
        await SavedAsync(sidecar, Save("back", "x", "optional"));
        await RecoveryAsync(sidecar);
        Assert.Equal(2030, (await Database.ExpiryAsync("forward")).Year);
        Assert.Equal(2031, (await Database.ExpiryAsync("back")).Year);
    }

    [Fact]
    public async Task A_later_login_is_kept_and_an_earlier_one_never_replaces_it()
    {
        await Database.ExecuteAsync("INSERT INTO auth_user VALUES (1, '2026-01-01T00:00:00Z'), (2, '2026-06-01T00:00:00Z'), (3, NULL)");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        foreach (var (user, at) in new[] { (1, "2026-02-01T00:00:00Z"), (1, "2026-03-01T00:00:00Z"), (2, "2026-02-01T00:00:00Z"), (3, "2026-02-01T00:00:00Z"), (9, "2026-02-01T00:00:00Z") })
        {
            Assert.Equal("kept", await sidecar.OutcomeAsync("/v1/row", Login(user, at)));
        }

        await RecoveryAsync(sidecar);
        var logins = await Database.QueryAsync("SELECT id, last_login FROM auth_user ORDER BY 1");
        Assert.Equal(["1 3", "2 6", "3 2"], logins.Select(r => $"{r[0]} {((DateTime)r[1]!).Month}"));
    }

    [Fact]
    public async Task Values_the_database_refuses_stop_nobody_else_and_the_next_save_of_the_session_counts()
    {
        await Database.SeedAsync("bad", "before");
        await Database.SeedAsync("good", "before");
        await Database.SeedAsync("badout", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("bad", "with a word for a number", extra: ("user_id", "seventeen")));
        await SavedAsync(sidecar, Save("good", "after"));
        await SavedAsync(sidecar, Save("good2", "after", create: true));
        await SavedAsync(sidecar, Save("badout", "with a word for a number", extra: ("user_id", "seventeen")));
        await Database.WritableAsync();
        // What is refused is found by halves, so the two need not come together.
        await Eventually.True(async () => await Database.RowsAsync() is var rows && rows.GetValueOrDefault("good") == "after" && rows.ContainsKey("good2"));
        await RowsAreAsync(("bad", "before"), ("badout", "before"), ("good", "after"), ("good2", "after"));
        await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 2);
        await DeletedAsync(sidecar, Delete("badout"));
        await SavedAsync(sidecar, Save("bad", "with a number", extra: ("user_id", 17)));
        await NormalAsync(sidecar);
        await RowsAreAsync(("bad", "with a number"), ("good", "after"), ("good2", "after"));
    }

    [Fact]
    public async Task A_cache_that_dies_in_the_outage_costs_nothing_acknowledged()
    {
        await Database.SeedAsync("a", "before");
        await Database.SeedAsync("b", "before");
        await Database.SeedAsync("loggedout", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("a", "with cache", entry: "engine.a"));
        await Cache.KillAsync();
        var degraded = await sidecar.OkAsync("/v1/save", Save("a", "without cache", entry: "engine.a"));
        Assert.Equal(("saved", true), (degraded.GetProperty("status").GetString(), degraded.GetProperty("degraded").GetBoolean()));
        await SavedAsync(sidecar, Save("b", "without cache", entry: "engine.b"));
        await SavedAsync(sidecar, Save("born", "without cache", create: true));
        await DeletedAsync(sidecar, Delete("loggedout", "engine.loggedout", "stone.loggedout"));
        Assert.Equal("without cache", await LoadAsync(sidecar, "a"));
        await RecoveryAsync(sidecar);
        await RowsAreAsync(("a", "without cache"), ("b", "without cache"), ("born", "without cache"));
    }

    [Fact]
    public async Task An_entry_of_a_logged_out_session_goes_when_the_cache_is_back_even_after_a_restart()
    {
        await Database.SeedAsync("loggedout", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await Cache.KillAsync();
        await DeletedAsync(sidecar, Delete("loggedout", "engine.loggedout", "stone.loggedout"));
        await RecoveryAsync(sidecar);
        await RowsAreAsync();
        await sidecar.RestartAsync();
        // Cut off rather than killed, the cache would still hold what the engine put there before the outage.
        await Cache.ContinueAsync();
        await SetEntryAsync("engine.loggedout");
        await HelloAsync(sidecar);
        await Eventually.True(async () => !await HasEntryAsync("engine.loggedout"));
    }

    [Fact]
    public async Task Thousands_of_sessions_are_replayed_in_seconds()
    {
        const int Sessions = 2000;
        await Database.ExecuteAsync(
            $"INSERT INTO django_session SELECT 's' || i, 'before', '2030-01-01' FROM generate_series(1, {Sessions}) AS i");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await Parallel.ForEachAsync(Enumerable.Range(1, Sessions), new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (i, _) => await SavedAsync(sidecar, Save($"s{i}", $"after {i}")));
        await RecoveryAsync(sidecar);
        var rows = await Database.RowsAsync();
        Assert.Equal(Sessions, rows.Count);
        Assert.All(rows, row => Assert.Equal("after " + row.Key[1..], row.Value));
    }
}
