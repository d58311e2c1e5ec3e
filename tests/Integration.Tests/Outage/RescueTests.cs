using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>Reports about a database that is well, and about one that is not.</summary>
public sealed class RescueTests(SharedPostgres postgres) : OutageTest(postgres)
{
    private static object Report(string verdict, bool retried = false) => new { verdict, detail = "OperationalError", retried };

    private async Task<Sidecar.Tests.Support.RunningSidecar> ProbedSidecarAsync()
    {
        var sidecar = await SidecarAsync();
        // The first probe of a process pays for what the next ones find ready.
        await sidecar.OkAsync("/v1/report", Report("read_only"));
        await NormalAsync(sidecar);
        return sidecar;
    }

    // Where the machine is so busy that a probe takes over a quarter of a second, the answer is a fallback: then it is asked anew.
    private static async Task<string> ProbedInTimeAsync(RunningSidecar sidecar, string verdict)
    {
        for (var tries = 1; ; tries++)
        {
            var answer = await sidecar.OkAsync("/v1/report", Report(verdict));
            if (answer.GetProperty("mode").GetInt32() == 0 || tries == 5)
            {
                return answer.GetRawText();
            }

            await NormalAsync(sidecar);
        }
    }

    // A sidecar that has brought session "a" to the database in an outage that is over.
    private async Task<RunningSidecar> ReplayedAsync()
    {
        await Database.SeedAsync("a", "before");
        var sidecar = await ProbedSidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("a", "replayed", root: "before"));
        await RecoveryAsync(sidecar);
        return sidecar;
    }

    [Fact]
    public async Task A_connection_that_died_with_an_earlier_server_is_worth_a_second_try()
    {
        var sidecar = await ProbedSidecarAsync();
        Assert.Equal("""{"status":"ok","mode":0,"retry":true,"keep":false}""", await ProbedInTimeAsync(sidecar, "unreachable"));
        Assert.Equal(0, sidecar.PageMode);
        // It was tried, and failed again: the app knows better than a probe.
        Assert.Equal(2, (await sidecar.OkAsync("/v1/report", Report("unreachable", retried: true))).GetProperty("mode").GetInt32());
    }

    [Fact]
    public async Task A_new_session_is_inserted_although_the_server_has_cut_the_connections_of_before()
    {
        var sidecar = await ProbedSidecarAsync();
        foreach (var key in new[] { "first", "second" })
        {
            var create = Save(key, "new", create: true);
            create["keep"] = true;
            await SavedAsync(sidecar, create);
            await Database.WritableAsync();
            await Eventually.True(async () => (long)(await Database.QueryAsync(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app'")).Single()[0]! == 0);
        }

        await RowsAreAsync(("first", "new"), ("second", "new"));
    }

    [Fact]
    public async Task A_save_cut_off_while_the_database_is_well_is_kept_and_brought_onto_the_row_it_was_made_from()
    {
        await Database.SeedAsync("a", "before");
        await Database.SeedAsync("gone", "before");
        await Database.SeedAsync("unknown", "before");
        var sidecar = await ProbedSidecarAsync();
        Assert.Equal("""{"status":"ok","mode":0,"retry":false,"keep":true}""", await ProbedInTimeAsync(sidecar, "deadline"));
        var keep = Save("a", "kept", root: "before");
        keep["keep"] = true;
        await SavedAsync(sidecar, keep);
        await Eventually.True(async () => (await Database.RowsAsync())["a"] == "kept");
        keep = Save("unknown", "kept too");
        keep["keep"] = true;
        await SavedAsync(sidecar, keep);
        await Eventually.True(async () => (await Database.RowsAsync())["unknown"] == "kept too");
        await Database.ExecuteAsync("DELETE FROM django_session WHERE session_key = 'gone'");
        keep = Save("gone", "kept", root: "before");
        keep["keep"] = true;
        await SavedAsync(sidecar, keep);
        await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("a", "kept"), ("unknown", "kept too"));
        Assert.Equal(0, sidecar.PageMode);
    }

    [Fact]
    public async Task Whether_rows_can_be_read_is_found_out_for_a_session_of_which_nobody_has_anything()
    {
        var sidecar = await ReplayedAsync();
        await Database.ExecuteAsync("""
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;
            CREATE TRIGGER slow BEFORE INSERT ON django_session FOR EACH ROW EXECUTE FUNCTION slow();
            """);
        var known = false;
        for (var i = 0; i < 3 && !known; i++)
        {
            await NormalAsync(sidecar);
            await sidecar.OkAsync("/v1/report", Report("unreachable", retried: true));
            var answer = await sidecar.OkAsync("/v1/load", new { key = "nobodys", entryGone = true });
            Assert.Equal("none", answer.GetProperty("status").GetString());
            known = answer.GetProperty("readable").GetBoolean();
            Assert.Equal(known, sidecar.PageReadable);
        }

        Assert.True(known);
    }

    [Fact]
    public async Task What_another_pod_has_replayed_in_the_same_outage_can_be_read_although_the_last_probe_failed()
    {
        var sidecar = await ReplayedAsync();
        await Database.ExecuteAsync("""
            CREATE SEQUENCE probed;
            GRANT ALL ON probed TO app;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              PERFORM nextval('probed'); RAISE EXCEPTION 'starting' USING ERRCODE = '57P03';
            END $$;
            """);
        var known = false;
        // A probe may be under way at that moment which does not know better yet.
        for (var i = 0; i < 3 && !known; i++)
        {
            await NormalAsync(sidecar);
            await Database.ExecuteAsync("CREATE TRIGGER refuse BEFORE INSERT ON django_session FOR EACH ROW EXECUTE FUNCTION refuse(); SELECT setval('probed', 1)");
            await sidecar.OkAsync("/v1/report", Report("unreachable", retried: true));
            await Eventually.True(async () => (long)(await Database.QueryAsync("SELECT last_value FROM probed")).Single()[0]! > 1);
            Assert.False(sidecar.PageReadable);
            await Database.ExecuteAsync("DROP TRIGGER refuse ON django_session");
            known = (await sidecar.OkAsync("/v1/load", new { key = "a", entryGone = true })).GetProperty("readable").GetBoolean();
        }

        Assert.True(known);
    }

    [Fact]
    public async Task A_session_created_with_a_kept_save_is_in_the_database()
    {
        var sidecar = await ProbedSidecarAsync();
        var keep = Save("born", "kept", create: true, extra: ("user_id", 17));
        keep["keep"] = true;
        await SavedAsync(sidecar, keep);
        await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("born", "kept"));
        Assert.Equal("exists", await sidecar.OutcomeAsync("/v1/save", keep));
        await Database.ReadOnlyAsync();
        keep["key"] = "born2";
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/save", keep));
        Assert.Equal("none", await LoadAsync(sidecar, "born2"));
    }

    [Fact]
    public async Task A_false_alarm_is_over_in_seconds()
    {
        await Database.SeedAsync("a", "before");
        var sidecar = await ProbedSidecarAsync();
        await sidecar.OkAsync("/v1/report", Report("read_only"));
        Assert.Equal(2, sidecar.PageMode);
        await SavedAsync(sidecar, Save("a", "after"));
        await Eventually.True(() => sidecar.PageMode == 0, 5);
        await RowsAreAsync(("a", "after"));
    }

    [Fact]
    public async Task A_server_that_is_stopped_and_started_again_ends_as_it_should()
    {
        await using var server = await PostgresServer.StartAsync();
        var database = await AppDatabase.CreateAsync(server);
        await database.SeedAsync("a", "before");
        await using var sidecar = await RunningSidecar.StartAsync();
        await sidecar.OkAsync("/v1/hello", database.App(Cache.Address));
        await server.StopAsync();
        Assert.Equal(2, (await sidecar.OkAsync("/v1/report", Report("unreachable"))).GetProperty("mode").GetInt32());
        await SavedAsync(sidecar, Save("a", "after"));
        await SavedAsync(sidecar, Save("born", "after", create: true));
        await server.ContinueAsync();
        await NormalAsync(sidecar);
        Assert.Equal(["a=after", "born=after"], (await database.RowsAsync()).Select(r => $"{r.Key}={r.Value}").Order());
    }

    [Fact]
    public async Task An_outage_in_the_middle_of_the_recovery_is_one_more_outage()
    {
        await Database.SeedAsync("a", "before");
        var sidecar = await SidecarAsync();
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("a", "one"));
        await Database.WritableAsync();
        await Eventually.True(() => sidecar.PageMode == 3, 15);
        await OutageAsync(sidecar);
        await SavedAsync(sidecar, Save("a", "two"));
        Assert.Equal("two", await LoadAsync(sidecar, "a"));
        await RecoveryAsync(sidecar);
        await RowsAreAsync(("a", "two"));
    }
}
