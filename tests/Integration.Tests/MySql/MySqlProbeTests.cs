using System.Diagnostics;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Integration.Tests.MySql;

public sealed class MySqlProbeTests(MariaDbServer server) : IClassFixture<MariaDbServer>
{
    // A probe ends after 1.5 s; the rest is for a busy machine.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task A_committed_write_proves_it_writable_and_names_the_server()
    {
        var probe = await ProbeAsync("probe_ok");
        await server.RootAsync("CREATE TABLE app.probe_seen (op varchar(9), session_key varchar(40), expired bool) ENGINE=InnoDB");
        await server.RootAsync("CREATE TRIGGER app.probe_ok_in AFTER INSERT ON app.probe_ok FOR EACH ROW "
            + "INSERT INTO app.probe_seen VALUES ('INSERT', NEW.session_key, NEW.expire_date < '1972-01-01')");
        await server.RootAsync("CREATE TRIGGER app.probe_ok_out AFTER DELETE ON app.probe_ok FOR EACH ROW "
            + "INSERT INTO app.probe_seen VALUES ('DELETE', OLD.session_key, OLD.expire_date < '1972-01-01')");

        var first = await RunAsync(probe);
        var second = await RunAsync(probe);

        Assert.Equal(Verdict.Writable, first.Verdict);
        Assert.NotEmpty(first.Identity);
        Assert.Equal(first.Identity, second.Identity);
        Assert.Equal(0L, await server.RootAsync("SELECT COUNT(*) FROM app.probe_ok"));
        // What the triggers kept was committed.
        Assert.Equal(4L, await server.RootAsync($"SELECT COUNT(*) FROM app.probe_seen WHERE expired AND session_key LIKE '{SentinelKey.Prefix}%'"));
        Assert.Equal(2L, await server.RootAsync("SELECT COUNT(*) FROM app.probe_seen WHERE op = 'DELETE'"));
    }

    [Fact]
    public async Task A_delete_that_is_refused_takes_the_insert_with_it()
    {
        var probe = await ProbeAsync("probe_whole");
        await server.RootAsync("CREATE TRIGGER app.probe_whole_out BEFORE DELETE ON app.probe_whole FOR EACH ROW "
            + "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1290");
        Assert.Equal((Verdict.ReadOnly, "1290"), Short(await RunAsync(probe)));
        Assert.Equal(0L, await server.RootAsync("SELECT COUNT(*) FROM app.probe_whole"));
    }

    [Fact]
    public async Task Probers_do_not_wait_for_each_other()
    {
        var store = await server.TableAsync("probe_crowd");
        await using var stuck = await server.HoldAsync(
            $"START TRANSACTION; INSERT INTO probe_crowd (session_key, session_data, expire_date) VALUES ('{SentinelKey.New()}', '', '1971-01-01')");
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => RunAsync(new MySqlProbe(MySqlSettings.Of(server.Describe()), store))));
        Assert.All(results, r => Assert.Equal(Verdict.Writable, r.Verdict));
    }

    [Fact]
    public async Task The_unix_socket_is_reached_too()
    {
        var elsewhere = server.Describe(options: server.UnixSocket) with { Port = 1 };
        var store = await server.TableAsync("probe_socket");
        var probe = new MySqlProbe(MySqlSettings.Of(elsewhere), store);
        Assert.Equal(Verdict.Writable, (await RunAsync(probe)).Verdict);

        await server.StopAsync();
        Assert.Equal(Verdict.Unreachable, (await RunAsync(probe)).Verdict);
        await using (var rows = new MySqlRows(MySqlSettings.Of(elsewhere), store))
        {
            Assert.True((await Assert.ThrowsAsync<RowStoreException>(() => rows.ReadAsync(["k"], CancellationToken.None))).Unavailable);
        }

        await server.StartAsync();
        Assert.Equal(Verdict.Writable, (await RunAsync(probe)).Verdict);
    }

    [Fact]
    public async Task The_option_read_only_is_read_only()
    {
        var probe = await ProbeAsync("probe_read_only");
        await server.RootAsync("SET GLOBAL read_only = 1");
        try
        {
            Assert.Equal((Verdict.ReadOnly, "1290"), Short(await RunAsync(probe)));
        }
        finally
        {
            await server.RootAsync("SET GLOBAL read_only = 0");
        }

        Assert.Equal(Verdict.Writable, (await RunAsync(probe)).Verdict);
    }

    [Fact]
    public async Task A_global_read_lock_is_a_missed_deadline_and_leaves_no_statement_behind()
    {
        var probe = await ProbeAsync("probe_ftwrl");
        await using (await server.HoldAsync("FLUSH TABLES WITH READ LOCK"))
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(Verdict.Deadline, (await RunAsync(probe)).Verdict);
            }

            await Until.TrueAsync(async () => (long)(await server.RootAsync(
                $"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{MariaDbServer.User}' AND INFO LIKE 'INSERT%'"))! == 0,
                5, "the abandoned statements are ended");
        }

        Assert.Equal(Verdict.Writable, (await RunAsync(probe)).Verdict);
    }

    [Fact]
    public async Task A_locked_table_says_nothing_of_the_database()
    {
        var probe = await ProbeAsync("probe_locked");
        await using var held = await server.HoldAsync("START TRANSACTION; SELECT * FROM probe_locked FOR UPDATE");

        // The server waits for a lock for a second at least. Where connecting takes half a second the probe ends before that, and tells nothing.
        ProbeResult? told = null;
        await Until.TrueAsync(async () => (told = await RunAsync(probe)).Verdict != Verdict.Deadline, 20, "the server's word on the lock comes first");
        Assert.Equal((Verdict.Saturated, "1205"), Short(told!));
    }

    [Fact]
    public async Task No_connection_left_is_saturation()
    {
        var probe = await ProbeAsync("probe_full");
        await server.RootAsync("CREATE USER crowd@'%' IDENTIFIED BY 'crowd' WITH MAX_USER_CONNECTIONS 1; GRANT ALL ON app.* TO crowd@'%'");
        var crowd = server.Describe() with { User = "crowd", Password = "crowd" };
        var settings = MySqlSettings.Of(crowd);
        await using var source = settings.Fresh();
        await using var held = await settings.OpenAsync(source, TestContext.Current.CancellationToken);
        var store = await server.TableAsync("probe_full");

        Assert.Equal((Verdict.Saturated, "1226"), Short(await RunAsync(new MySqlProbe(settings, store))));
        Assert.Equal(Verdict.Writable, (await RunAsync(probe)).Verdict);
    }

    [Fact]
    public async Task A_wrong_password_never_counts_as_an_outage()
    {
        var store = await server.TableAsync("probe_password");
        Assert.Equal((Verdict.Misconfigured, "1045"), Short(await RunAsync(new MySqlProbe(MySqlSettings.Of(server.Describe("wrong")), store))));
    }

    [Fact]
    public async Task A_missing_table_never_counts_as_an_outage()
    {
        var store = await server.TableAsync("probe_missing");
        await server.RootAsync("DROP TABLE app.probe_missing");
        Assert.Equal((Verdict.Misconfigured, "1146"), Short(await RunAsync(new MySqlProbe(MySqlSettings.Of(server.Describe()), store))));
    }

    [Fact]
    public async Task A_frozen_server_is_down_in_time()
    {
        var probe = await ProbeAsync("probe_frozen");
        await server.FreezeAsync();
        try
        {
            Assert.True((await RunAsync(probe)).Down);
            Assert.True((await RunAsync(probe)).Down);
        }
        finally
        {
            await server.ThawAsync();
        }

        Assert.Equal(Verdict.Writable, (await RunAsync(probe)).Verdict);
    }

    [Fact]
    public async Task A_stopped_server_is_unreachable_and_its_successor_is_another_one()
    {
        var probe = await ProbeAsync("probe_stopped");
        var before = await RunAsync(probe);
        await server.StopAsync();

        Assert.Equal(Verdict.Unreachable, (await RunAsync(probe)).Verdict);

        // MariaDB tells its age in whole seconds: a successor within the same one, give or take its rounding, looks like it.
        var stopped = DateTime.UtcNow;
        await Until.TrueAsync(() => Task.FromResult((DateTime.UtcNow - stopped).TotalSeconds > 2), 5, "two seconds of the clock");
        await server.StartAsync();
        var after = await RunAsync(probe);
        Assert.Equal(Verdict.Writable, after.Verdict);
        Assert.NotEqual(before.Identity, after.Identity);
    }

    private static (Verdict Verdict, string Detail) Short(ProbeResult result) => (result.Verdict, result.Detail);

    private static async Task<ProbeResult> RunAsync(MySqlProbe probe)
    {
        var clock = Stopwatch.StartNew();
        var result = await probe.ProbeAsync(true, TestContext.Current.CancellationToken);
        Assert.True(clock.Elapsed < Longest, $"the probe took {clock.Elapsed.TotalSeconds:0.0} s");
        return result;
    }

    private async Task<MySqlProbe> ProbeAsync(string table) => new(MySqlSettings.Of(server.Describe()), await server.TableAsync(table));
}
