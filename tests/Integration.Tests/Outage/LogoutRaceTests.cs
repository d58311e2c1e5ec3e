using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A logout beside a save or a replay of the same session, at the moments at which one of the two does not see the other.</summary>
public sealed class LogoutRaceTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    private static Dictionary<string, object?> Gone(string key, string change = "state")
    {
        var save = Save(key, "loaded before the logout", change);
        save["entryGone"] = true;
        return save;
    }

    // On a machine without a processor to spare a probe may not be back in time; then the save is refused and can be made again.
    private async Task<string> AnsweredAsync(Dictionary<string, object?> save)
    {
        var answer = await One.OkAsync("/v1/save", save);
        var status = answer.GetProperty("status").GetString()!;
        Assert.True(status != "refused" || answer.GetProperty("reason").GetString()!.Contains("the row cannot be read", StringComparison.Ordinal), $"{answer}");
        return status;
    }

    private async Task AnswerIsAsync(string expected, Dictionary<string, object?> save)
    {
        var status = "";
        await Eventually.True(async () => (status = await AnsweredAsync(save)) != "refused");
        Assert.Equal(expected, status);
    }

    [Fact]
    public async Task A_session_that_was_ended_before_the_outage_is_not_revived_by_a_request_that_was_under_way()
    {
        await Database.SeedAsync("alive", "before");
        await TwoPodsInCacheAsync();
        // What the database does not tell is not guessed.
        await Database.ExecuteAsync("ALTER TABLE django_session RENAME TO hidden");
        Assert.Equal("refused", await One.OutcomeAsync("/v1/save", Gone("ended")));
        await Database.ExecuteAsync("ALTER TABLE hidden RENAME TO django_session");
        await OutageAsync(One);
        await AnswerIsAsync("deleted", Gone("ended"));
        await AnswerIsAsync("deleted", Gone("ended", "optional"));
        Assert.Equal("none", await LoadAsync(Two, "ended"));
        // An entry may also be evicted; and who has a record is known without one.
        await AnswerIsAsync("saved", Gone("alive"));
        await SavedAsync(Two, Gone("alive"));
    }

    [Fact]
    public async Task A_logout_that_the_database_took_as_it_went_away_is_known_to_all_although_it_could_not_be_refused()
    {
        await TwoPodsInCacheAsync();
        await SayAsync(Mode.Cache, settled: false);
        await SavedAsync(Two, Save("ended", "under way on the other pod"));
        await Database.ReadOnlyAsync();
        await DeletedAsync(One, new { key = "ended", expires = Later, rowGone = true });
        Assert.Equal("deleted", await LoadAsync(Two, "ended"));
        // Nor is it where the cache does not take it: it is made known when the cache is back.
        await Cache.KillAsync();
        await DeletedAsync(One, new { key = "unheard", expires = Later, rowGone = true });
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "unheard") == "deleted");
    }

    [Fact]
    public async Task A_logout_beside_the_first_record_of_its_session_is_seen_by_what_the_engine_deletes()
    {
        static Dictionary<string, object?> Seen(string key)
        {
            var save = Save(key, "loaded before the logout", entry: "engine." + key);
            save["entrySeen"] = true;
            return save;
        }

        await Database.SeedAsync("evicted", "before");
        await TwoPodsInCacheAsync();
        await OutageAsync(One, Two);
        await SetEntryAsync("engine.alive");
        await SavedAsync(One, Seen("alive"));
        // An entry may also be evicted: the row is there.
        await SavedAsync(One, Seen("evicted"));
        Assert.Equal("deleted", await One.OutcomeAsync("/v1/save", Seen("ended")));
        Assert.Equal("deleted", await LoadAsync(Two, "ended"));
        // Later on the record itself is what tells.
        await Entries.DeleteEverywhereAsync("engine.alive", CancellationToken.None);
        await SavedAsync(Two, Seen("alive"));
    }

    [Fact]
    public async Task That_rows_can_be_read_is_found_out_for_a_save_that_needs_it()
    {
        await Database.SeedAsync("alive", "before");
        await TwoPodsInCacheAsync();
        await Database.ReadOnlyAsync();
        var atOnce = 0;
        for (var i = 0; i < 10; i++)
        {
            // The last word of the database was none at all.
            await One.OkAsync("/v1/report", new { verdict = "unreachable", detail = "", retried = true });
            atOnce += await AnsweredAsync(Gone($"ended{i}")) == "deleted" ? 1 : 0;
        }

        Assert.InRange(atOnce, 6, 10);
        await AnswerIsAsync("saved", Gone("alive"));
    }

    [Fact]
    public async Task A_logout_between_the_look_and_the_insert_of_a_replay_leaves_no_row()
    {
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("born", "here", create: true));
        await Database.ExecuteAsync("""
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.session_key = 'born' THEN PERFORM pg_advisory_xact_lock(7); END IF; RETURN NEW;
            END $$;
            CREATE TRIGGER hold BEFORE INSERT ON django_session FOR EACH ROW EXECUTE FUNCTION hold();
            """);
        await using var connection = new Npgsql.NpgsqlConnection(Database.Server.Admin(Database.Name));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var held = new Npgsql.NpgsqlCommand("SELECT pg_advisory_lock(7)", connection);
        await held.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => (long)(await Database.QueryAsync(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT%' AND datname = current_database()")).Single()[0]! > 0);
        await DeletedAsync(Two, Delete("born"));
        held.CommandText = "SELECT pg_advisory_unlock(7)";
        await held.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await Eventually.True(async () => (await One.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        Assert.Empty(await Database.RowsAsync());
        Assert.Equal("deleted", await LoadAsync(One, "born"));
    }
}
