using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A logout while not every pod is known to be in fallback deletes the row itself: then, or not at all, it is over.</summary>
public sealed class UnsettledLogoutTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    [Fact]
    public async Task A_logout_that_is_refused_for_want_of_a_cache_leaves_the_row()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(Two, Save("a", "in the outage"));
        await SayAsync(Mode.Drain, settled: false);
        await Cache.KillAsync();
        Assert.Equal("refused", await One.OutcomeAsync("/v1/delete", Delete("a")));
        await RowsAreAsync(("a", "before"));

        // The session goes on, and its change is kept.
        await Cache.ContinueAsync();
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => (await Two.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("a", "in the outage"));
    }

    [Fact]
    public async Task Once_its_row_is_deleted_a_session_is_ended_whatever_becomes_of_the_cache()
    {
        await Database.SeedAsync("a", "before");
        await Database.ExecuteAsync("""
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF OLD.session_key = 'a' THEN PERFORM pg_sleep(0.6); END IF; RETURN OLD;
            END $$;
            CREATE TRIGGER hold BEFORE DELETE ON django_session FOR EACH ROW EXECUTE FUNCTION hold();
            """);
        await TwoPodsInCacheAsync();
        await SayAsync(Mode.Cache, settled: false);
        var logout = One.OutcomeAsync("/v1/delete", Delete("a"));
        await Eventually.True(async () =>
        {
            // On a busy machine the probe before it may be late.
            logout = logout is { IsCompletedSuccessfully: true, Result: "refused" } ? One.OutcomeAsync("/v1/delete", Delete("a")) : logout;
            return (long)(await Database.QueryAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")).Single()[0]! > 0;
        }, 20, "the row is being deleted");
        await Cache.KillAsync();
        Assert.Equal("deleted", await logout);
        await RowsAreAsync();
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "a") == "deleted");
    }

    [Fact]
    public async Task No_row_is_deleted_on_a_connection_from_before_when_a_fresh_one_is_not_answered()
    {
        await using var server = await PostgresServer.StartAsync();
        var database = await AppDatabase.CreateAsync(server);
        await database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        await using var sidecar = await RunningSidecar.StartAsync(@operator: fake.Address);
        await sidecar.OkAsync("/v1/hello", database.App(Cache.Address));
        var stream = await fake.Streams.NextAsync();
        await stream.Say(new Decision { Epoch = 1, Mode = Mode.Cache, LeaseMs = 60_000, Fleet = 2, Fallback = Mode.Cache, Phase = Phase.Unwritable });
        await Eventually.True(() => sidecar.PageMode == (byte)Mode.Cache);
        await DeletedAsync(sidecar, Delete("other"));

        server.Freeze();
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
        server.Thaw();
        Assert.Equal(["a"], (await database.RowsAsync()).Keys);
    }
}
