using SessionOperator.Integration.Tests.Redis;

namespace SessionOperator.Integration.Tests.MySql;

/// <summary>Rule S7 on MariaDB and Redis: after the outage the rows are what the users did.</summary>
public sealed class MySqlReplayTests(MariaDbServer server) : IClassFixture<MariaDbServer>
{
    private const string Before = "2030-01-01 00:00:00.000000";
    private const string After = "2030-02-02 02:02:02.123456";
    private const string Expires = "2030-02-02T02:02:02.123456Z";

    private IAsyncDisposable? _lock;

    [Theory]
    [InlineData("read_only", false)]
    [InlineData("read_only", true)]
    [InlineData("global read lock", false)]
    [InlineData("stopped", false)]
    [InlineData("frozen", false)]
    public async Task After_the_outage_the_rows_are_what_the_users_did(string fault, bool cacheLosesAll)
    {
        var store = await server.TableAsync("django_session", ", account int NULL");
        await server.RootAsync("DROP TABLE IF EXISTS app.auth_user; CREATE TABLE app.auth_user (id int PRIMARY KEY, last_login datetime(6) NULL); "
            + "INSERT INTO app.auth_user VALUES (5, NULL); INSERT INTO app.django_session VALUES "
            + string.Join(", ", ((string[])["read", "changed", "loggedout", "untouched"]).Select(k => $"('{k}', 'old {k}', '{Before}', 1)")));
        await using var redis = await RedisServer.StartAsync("--requirepass", "word");
        await using var sidecar = await SidecarProcess.StartAsync();
        var hello = await sidecar.SendAsync("hello", new
        {
            api = 1,
            framework = "django",
            frameworkVersion = "4.2",
            adapterVersion = "0",
            pid = 1,
            engine = "cached_db",
            database = server.Describe(),
            store,
            cache = new { kind = "redis", servers = new[] { $"redis://:word@127.0.0.1:{redis.Port}/1" }, keyPrefix = "", options = new { } },
        }, "ok");
        Assert.Equal(("Cache", ""), (hello.GetProperty("fallback").GetString(), hello.GetProperty("limit").GetString()));

        await BreakAsync(fault);
        try
        {
            await Until.TrueAsync(async () => (await sidecar.SendAsync("report", new
            {
                verdict = fault switch { "read_only" => "read_only", "stopped" => "unreachable", _ => "deadline" },
            }, "ok")).GetProperty("mode").GetInt32() == 2, 10, "the sidecar falls back");

            await sidecar.SendAsync("save", Save("changed", "state", "new once"), "saved");
            if (cacheLosesAll)
            {
                await redis.StopAsync();
                await redis.StartAgainAsync();
                await Until.TrueAsync(async () => !(await sidecar.SendAsync("save", Save("changed", "state", "new once"), "saved"))
                    .GetProperty("degraded").GetBoolean(), 10, "the emptied cache is used again");
            }

            await sidecar.SendAsync("save", Save("changed", "state", "new 'twice' \\ é"), "saved");
            await sidecar.SendAsync("save", Save("read", "optional", "old read"), "saved");
            await sidecar.SendAsync("save", Save("born", "state", "new born", create: true), "saved");
            await sidecar.SendAsync("save", Save("gone", "state", "its row is gone"), "saved");
            await redis.CliAsync("-a", "word", "-n", "1", "SET", "engine:loggedout", "old");
            await sidecar.SendAsync("delete", new { key = "loggedout", expires = Expires, cacheEntry = "engine:loggedout", tombstoneEntry = "dead:loggedout" }, "deleted");
            await sidecar.SendAsync("save", Save("loggedout", "state", "back again"), "deleted");
            await sidecar.SendAsync("row", new { table = "auth_user", keyColumn = "id", key = 5, columns = new { last_login = After } }, "kept");
            Assert.Equal("new 'twice' \\ é", (await sidecar.SendAsync("load", new { key = "changed" }, "found"))
                .GetProperty("columns").GetProperty("session_data").GetString());
        }
        finally
        {
            await MendAsync(fault);
        }

        await Until.TrueAsync(async () => (await sidecar.StatusAsync()) is var status
            && status.GetProperty("mode").GetString() == "Normal" && status.GetProperty("unsaved").GetInt64() == 0, 30, "everything is replayed");
        Assert.Equal(
            $"born|new born|{After}|7\nchanged|new 'twice' \\ é|{After}|7\nread|old read|{After}|1\nuntouched|old untouched|{Before}|1",
            await server.RootAsync("SELECT GROUP_CONCAT(CONCAT_WS('|', session_key, session_data, expire_date, account) ORDER BY session_key SEPARATOR '\\n') "
                + "FROM app.django_session"));
        Assert.Equal(1L, await server.RootAsync($"SELECT COUNT(*) FROM app.auth_user WHERE last_login = '{After}'"));
        Assert.Equal("1", await redis.CliAsync("-a", "word", "-n", "1", "GET", "dead:loggedout"));
        Assert.Equal("0", await redis.CliAsync("-a", "word", "-n", "1", "EXISTS", "engine:loggedout", "engine:changed"));
    }

    private static object Save(string key, string change, string data, bool create = false) => new
    {
        key,
        change,
        create,
        columns = new { session_data = data, expire_date = After, account = 7 },
        expires = Expires,
        cacheEntry = "engine:" + key,
        tombstoneEntry = "dead:" + key,
    };

    private async Task BreakAsync(string fault)
    {
        switch (fault)
        {
            case "read_only":
                await server.RootAsync("SET GLOBAL read_only = 1");
                break;
            case "global read lock":
                _lock = await server.HoldAsync("FLUSH TABLES WITH READ LOCK");
                break;
            case "stopped":
                await server.StopAsync();
                break;
            case "frozen":
                await server.FreezeAsync();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "no such fault");
        }
    }

    private async Task MendAsync(string fault)
    {
        switch (fault)
        {
            case "read_only":
                await server.RootAsync("SET GLOBAL read_only = 0");
                break;
            case "global read lock":
                await _lock!.DisposeAsync();
                break;
            case "stopped":
                await server.StartAsync();
                break;
            case "frozen":
                await server.ThawAsync();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "no such fault");
        }
    }
}
