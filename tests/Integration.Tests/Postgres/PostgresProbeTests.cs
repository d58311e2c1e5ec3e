using System.Diagnostics;
using System.Text.Json;
using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Postgres;

/// <summary>What the prober says of a real server in each of its states. The server is these tests' own: they break it.</summary>
public sealed class PostgresProbeTests(PostgresProbeTests.OwnServer own) : IClassFixture<PostgresProbeTests.OwnServer>, IAsyncLifetime
{
    private AppDatabase _database = null!;

    public async ValueTask InitializeAsync() => _database = await AppDatabase.CreateAsync(own.Server);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<ProbeResult> ProbeAsync(string password = PostgresServer.Password, string table = "django_session", string key = "session_key")
    {
        await using var probe = Probe(password, table, key);
        return await probe.ProbeAsync(fresh: true, CancellationToken.None);
    }

    private PostgresProbe Probe(string password = PostgresServer.Password, string table = "django_session", string key = "session_key")
    {
        var store = new StoreDescription
        {
            Table = table,
            KeyColumn = key,
            DataColumn = Make.Data,
            ExpiryColumn = Make.Expiry,
            Sentinel = new() { [Make.Data] = Make.Json(""), [Make.Expiry] = JsonSerializer.SerializeToElement("1971-01-01T00:00:00Z") },
        };
        return new PostgresProbe(_database.Description(password), store);
    }

    [Fact]
    public async Task A_committed_write_is_the_proof_and_leaves_no_row()
    {
        await _database.ExecuteAsync("""
            CREATE TABLE seen (op text, key text, expired boolean, transaction bigint);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO seen SELECT TG_OP, r.session_key, r.expire_date < now(), txid_current() FROM (SELECT (coalesce(NEW, OLD)).*) r; RETURN NULL;
            END $$;
            CREATE TRIGGER see AFTER INSERT OR DELETE ON django_session FOR EACH ROW EXECUTE FUNCTION see();
            GRANT ALL ON seen TO app;
            """);
        var first = await ProbeAsync();
        var second = await ProbeAsync();
        Assert.Equal((Verdict.Writable, Verdict.Writable), (first.Verdict, second.Verdict));
        Assert.NotEmpty(first.Identity);
        Assert.Equal(first.Identity, second.Identity);
        Assert.Equal(0L, (await _database.QueryAsync("SELECT count(*) FROM django_session")).Single()[0]);
        // What the trigger kept was committed: each probe inserted an expired row of its own and deleted it in the same transaction.
        var seen = await _database.QueryAsync("SELECT op, key, expired, transaction FROM seen ORDER BY transaction, op DESC");
        Assert.Equal(["INSERT", "DELETE", "INSERT", "DELETE"], seen.Select(r => r[0]));
        Assert.All(seen, r => Assert.StartsWith(SentinelKey.Prefix, (string)r[1]!, StringComparison.Ordinal));
        Assert.All(seen, r => Assert.Equal(true, r[2]));
        Assert.Equal(seen[0][1..], seen[1][1..]);
        Assert.Equal(seen[2][1..], seen[3][1..]);
        Assert.NotEqual(seen[0][1], seen[2][1]);
    }

    [Fact]
    public async Task What_the_commit_answers_counts()
    {
        await _database.ExecuteAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '25006'; END $$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON django_session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
            """);
        var result = await ProbeAsync();
        Assert.Equal((Verdict.ReadOnly, "25006"), (result.Verdict, result.Detail));
    }

    [Fact]
    public async Task A_delete_that_is_refused_takes_the_insert_with_it()
    {
        await _database.ExecuteAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '25006'; END $$;
            CREATE TRIGGER refuse BEFORE DELETE ON django_session FOR EACH ROW EXECUTE FUNCTION refuse();
            """);
        Assert.Equal(Verdict.ReadOnly, (await ProbeAsync()).Verdict);
        Assert.Empty(await _database.QueryAsync("SELECT session_key FROM django_session"));
    }

    [Fact]
    public async Task Probers_do_not_wait_for_each_other()
    {
        await using var connection = new Npgsql.NpgsqlConnection(own.Server.Admin(_database.Name));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var stuck = new Npgsql.NpgsqlCommand(
            $"INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('{SentinelKey.New()}', '', '1971-01-01')", connection, transaction);
        await stuck.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ProbeAsync()));
        Assert.All(results, r => Assert.Equal(Verdict.Writable, r.Verdict));
    }

    [Fact]
    public async Task A_server_that_takes_no_writes_is_read_only()
    {
        await own.Server.ExecuteAsync("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
        await own.Server.ExecuteAsync("postgres", "SELECT pg_reload_conf()");
        try
        {
            await Eventually.True(async () => (await ProbeAsync()).Verdict == Verdict.ReadOnly);
            Assert.Equal("25006", (await ProbeAsync()).Detail);
        }
        finally
        {
            await own.Server.ExecuteAsync("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
            await own.Server.ExecuteAsync("postgres", "SELECT pg_reload_conf()");
        }

        await Eventually.True(async () => (await ProbeAsync()).Verdict == Verdict.Writable);
    }

    [Fact]
    public async Task A_stopped_server_is_unreachable_and_another_one_when_it_is_back()
    {
        var before = (await ProbeAsync()).Identity;
        await own.Server.StopAsync();
        var clock = Stopwatch.StartNew();
        Assert.Equal(Verdict.Unreachable, (await ProbeAsync()).Verdict);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 2);
        await own.Server.ContinueAsync();
        var after = await ProbeAsync();
        Assert.Equal(Verdict.Writable, after.Verdict);
        Assert.NotEqual(before, after.Identity);
    }

    [Fact]
    public async Task A_frozen_server_costs_no_more_than_the_deadline()
    {
        own.Server.Freeze();
        try
        {
            var clock = Stopwatch.StartNew();
            var result = await ProbeAsync();
            Assert.True(result.Down);
            Assert.Equal(Verdict.Deadline, result.Verdict);
            Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 2);
        }
        finally
        {
            own.Server.Thaw();
        }

        await Eventually.True(async () => (await ProbeAsync()).Verdict == Verdict.Writable);
    }

    [Fact]
    public async Task A_write_that_waits_for_a_lock_ends_with_the_deadline_too()
    {
        await ProbeAsync();
        await using var connection = new Npgsql.NpgsqlConnection(own.Server.Admin(_database.Name));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var hold = new Npgsql.NpgsqlCommand("LOCK TABLE django_session IN EXCLUSIVE MODE", connection, transaction);
        await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var clock = Stopwatch.StartNew();
        Assert.NotEqual(Verdict.Writable, (await ProbeAsync()).Verdict);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 2);
    }

    [Fact]
    public async Task A_wrong_password_says_nothing_of_the_server()
    {
        var result = await ProbeAsync(password: "guessed");
        Assert.Equal((Verdict.Misconfigured, "28P01"), (result.Verdict, result.Detail));
    }

    [Theory]
    [InlineData("no_such_table", "session_key", "42P01")]
    [InlineData("django_session", "no_such_column", "42703")]
    [InlineData("auth_user", "session_key", "42703")]
    public async Task Neither_does_a_schema_that_does_not_fit(string table, string key, string detail)
    {
        var result = await ProbeAsync(table: table, key: key);
        Assert.Equal((Verdict.Misconfigured, detail), (result.Verdict, result.Detail));
    }

    [Fact]
    public async Task Nor_a_missing_grant()
    {
        await _database.ExecuteAsync("ALTER TABLE django_session OWNER TO admin");
        var result = await ProbeAsync();
        Assert.Equal((Verdict.Misconfigured, "42501"), (result.Verdict, result.Detail));
        Assert.False(result.Down);
    }

    [Fact]
    public async Task Too_many_connections_are_too_many_connections()
    {
        await own.Server.ExecuteAsync("postgres", "ALTER ROLE app CONNECTION LIMIT 0");
        try
        {
            var result = await ProbeAsync();
            Assert.Equal((Verdict.Saturated, false), (result.Verdict, result.Down));
        }
        finally
        {
            await own.Server.ExecuteAsync("postgres", "ALTER ROLE app CONNECTION LIMIT -1");
        }
    }

    [Fact]
    public async Task A_server_that_refuses_new_connections_is_heard_of_at_once_if_asked_and_soon_if_not()
    {
        await using var probe = Probe();
        Task<ProbeResult> NextAsync(bool fresh) => probe.ProbeAsync(fresh, TestContext.Current.CancellationToken);
        Assert.Equal(Verdict.Writable, (await NextAsync(fresh: true)).Verdict);
        await own.Server.ExecuteAsync("postgres", "ALTER ROLE app CONNECTION LIMIT 0");
        try
        {
            for (var use = 1; use < PostgresProbe.LongestUse; use++)
            {
                Assert.Equal(Verdict.Writable, (await NextAsync(fresh: false)).Verdict);
            }

            Assert.Equal(Verdict.Saturated, (await NextAsync(fresh: false)).Verdict);
            await own.Server.ExecuteAsync("postgres", "ALTER ROLE app CONNECTION LIMIT -1");
            Assert.Equal(Verdict.Writable, (await NextAsync(fresh: false)).Verdict);
            await own.Server.ExecuteAsync("postgres", "ALTER ROLE app CONNECTION LIMIT 0");
            Assert.Equal(Verdict.Saturated, (await NextAsync(fresh: true)).Verdict);
        }
        finally
        {
            await own.Server.ExecuteAsync("postgres", "ALTER ROLE app CONNECTION LIMIT -1");
        }
    }

    [Fact]
    public async Task What_a_used_connection_meets_is_asked_again_on_a_fresh_one()
    {
        await using var probe = Probe();
        Assert.Equal(Verdict.Writable, (await probe.ProbeAsync(true, TestContext.Current.CancellationToken)).Verdict);
        await own.Server.ExecuteAsync("postgres", $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{_database.Name}'");
        Assert.Equal(Verdict.Writable, (await probe.ProbeAsync(false, TestContext.Current.CancellationToken)).Verdict);
    }

    /// <summary>A server that no other test uses.</summary>
    public sealed class OwnServer : IAsyncLifetime
    {
        internal PostgresServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await PostgresServer.StartAsync();

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
