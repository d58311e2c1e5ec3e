using System.Net;
using System.Text.Json;
using SessionOperator.Sidecar.Tests.Cache;
using SessionOperator.Sidecar.Tests.Support;
using static SessionOperator.Sidecar.Tests.Support.RunningSidecar;

namespace SessionOperator.Sidecar.Tests.Sessions;

/// <summary>A solitary sidecar whose database and cache are down: what it acknowledges, and what it does not.</summary>
public class LocalApiTests
{
    private static object Delete(string key) => new { key, expires = Make.Later };

    [Fact]
    public async Task Before_an_app_has_said_hello_it_is_asked_to()
    {
        await using var sidecar = await StartAsync();
        foreach (var (path, body) in new (string, object)[] { ("/v1/load", new { key = "a" }), ("/v1/save", Save("a")) })
        {
            var (status, answer) = await sidecar.PostAsync(path, body);
            Assert.Equal((HttpStatusCode.Conflict, "hello_expected"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
        }
    }

    [Fact]
    public async Task That_the_adapter_is_loaded_is_known_before_a_session_is_used_and_after_a_restart()
    {
        await using var sidecar = await StartAsync();
        Assert.False((await sidecar.StatusAsync()).GetProperty("loaded").GetBoolean());
        await sidecar.OkAsync("/v1/loaded", new { });
        Assert.True((await sidecar.StatusAsync()).GetProperty("loaded").GetBoolean());
        await sidecar.RestartAsync();
        var status = await sidecar.StatusAsync();
        Assert.Equal((true, 0), (status.GetProperty("loaded").GetBoolean(), status.GetProperty("adapters").GetInt32()));
    }

    [Fact]
    public async Task Hello_answers_with_what_the_fallback_will_be()
    {
        await using var sidecar = await StartAsync();
        var answer = await sidecar.OkAsync("/v1/hello", App());
        Assert.Equal("""{"status":"ok","api":1,"mode":0,"fallback":"Cache","limit":""}""", answer.GetRawText());
        Assert.Equal(answer.GetRawText(), (await sidecar.OkAsync("/v1/hello", App().Append(new("unknown", 1)).ToDictionary())).GetRawText());
    }

    [Theory]
    [InlineData("none", "postgresql", "not shared by all pods")]
    [InlineData("hazelcast", "postgresql", "does not speak the app's cache (hazelcast)")]
    [InlineData("memcached", "oracle", "does not speak the app's database (oracle)")]
    public async Task What_it_cannot_speak_limits_the_fallback_to_SkipSave(string cache, string database, string limit)
    {
        await using var sidecar = await StartAsync();
        var answer = await sidecar.OkAsync("/v1/hello", App(cache, database: database));
        Assert.Equal("SkipSave", answer.GetProperty("fallback").GetString());
        Assert.Contains(limit, answer.GetProperty("limit").GetString(), StringComparison.Ordinal);
        await sidecar.OkAsync("/v1/report", new { verdict = "unreachable", detail = "x", retried = true });
        Assert.Equal(1, sidecar.PageMode);
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/save", Save("a")));
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
    }

    [Fact]
    public async Task A_row_that_could_never_be_written_is_not_kept()
    {
        await using var sidecar = await StartAsync();
        await sidecar.EnterFallbackAsync(App(database: "oracle"));
        var row = new { table = "auth_user", keyColumn = "id", key = 5, columns = new { last_login = Make.Later } };
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/row", row));
        Assert.Equal(0, (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt64());
    }

    [Fact]
    public async Task In_Normal_everything_is_the_engines()
    {
        await using var sidecar = await StartAsync();
        await sidecar.OkAsync("/v1/hello", App());
        Assert.Equal("normal", await sidecar.OutcomeAsync("/v1/save", Save("a")));
        Assert.Equal("normal", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
        Assert.Equal("normal", await sidecar.OutcomeAsync("/v1/row", new { table = "t", keyColumn = "id", key = 5, columns = new { a = 1 } }));
    }

    [Theory]
    [InlineData("read_only")]
    [InlineData("unreachable")]
    [InlineData("deadline")]
    public async Task A_report_of_a_database_that_is_down_flips_the_mode_within_the_request(string verdict)
    {
        await using var sidecar = await StartAsync();
        await sidecar.OkAsync("/v1/hello", App());
        var answer = await sidecar.OkAsync("/v1/report", new { verdict, detail = "OperationalError", retried = false });
        Assert.Equal("""{"status":"ok","mode":2,"retry":false,"keep":false}""", answer.GetRawText());
        Assert.Equal(2, sidecar.PageMode);
        Assert.Equal("Cache", (await sidecar.StatusAsync()).GetProperty("mode").GetString());
    }

    [Fact]
    public async Task A_busy_row_is_kept_and_changes_no_mode()
    {
        await using var sidecar = await StartAsync();
        await sidecar.OkAsync("/v1/hello", App());
        var answer = await sidecar.OkAsync("/v1/report", new { verdict = "busy", detail = "55P03", retried = false });
        Assert.Equal("""{"status":"ok","mode":0,"retry":false,"keep":true}""", answer.GetRawText());
        var keep = Save("a");
        keep["keep"] = true;
        Assert.Equal("saved", await sidecar.OutcomeAsync("/v1/save", keep));
        Assert.Equal(0, sidecar.PageMode);
    }

    [Fact]
    public async Task A_session_lives_and_dies_in_the_fallback()
    {
        await using var sidecar = await StartAsync();
        await sidecar.EnterFallbackAsync();
        Assert.Equal("none", await sidecar.OutcomeAsync("/v1/load", new { key = "a" }));
        var saved = await sidecar.OkAsync("/v1/save", Save("a", "one"));
        Assert.Equal("""{"status":"saved","version":1,"degraded":true}""", saved.GetRawText());
        await sidecar.OkAsync("/v1/save", Save("a", "stale", "optional"));
        var found = await sidecar.OkAsync("/v1/load", new { key = "a" });
        Assert.Equal(("found", 2, "one"), (found.GetProperty("status").GetString(), found.GetProperty("version").GetInt32(),
            found.GetProperty("columns").GetProperty(Make.Data).GetString()));
        Assert.Equal(Make.Later, found.GetProperty("columns").GetProperty(Make.Expiry).GetString());
        Assert.Equal("exists", await sidecar.OutcomeAsync("/v1/save", Save("a", create: true)));
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/load", new { key = "a" }));
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/save", Save("a", "back again")));
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/save", Save("a", create: true)));
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
    }

    [Fact]
    public async Task A_restart_forgets_the_app_and_nothing_it_acknowledged()
    {
        await using var sidecar = await StartAsync();
        await sidecar.EnterFallbackAsync();
        await sidecar.OkAsync("/v1/save", Save("kept", "state"));
        await sidecar.OkAsync("/v1/delete", Delete("gone"));
        await sidecar.OkAsync("/v1/row", new { table = "t", keyColumn = "id", key = 5, columns = new { a = 1 } });
        await sidecar.RestartAsync();
        Assert.Equal(2, sidecar.PageMode);
        Assert.Equal(3, (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt64());
        Assert.Equal(HttpStatusCode.Conflict, (await sidecar.PostAsync("/v1/load", new { key = "kept" })).Status);
        await sidecar.OkAsync("/v1/hello", App());
        Assert.Equal("state", (await sidecar.OkAsync("/v1/load", new { key = "kept" })).GetProperty("columns").GetProperty(Make.Data).GetString());
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/load", new { key = "gone" }));
    }

    [Fact]
    public async Task Writers_of_one_session_at_once_are_put_in_an_order()
    {
        await using var sidecar = await StartAsync();
        await sidecar.EnterFallbackAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => sidecar.OkAsync("/v1/save", Save("a", $"writer {i}"))));
        Assert.Equal(Enumerable.Range(1, 30), answers.Select(a => a.GetProperty("version").GetInt32()).Order());
        var last = Array.FindIndex(answers, a => a.GetProperty("version").GetInt32() == 30);
        Assert.Equal($"writer {last}", (await sidecar.OkAsync("/v1/load", new { key = "a" })).GetProperty("columns").GetProperty(Make.Data).GetString());
    }

    [Fact]
    public async Task A_journal_without_room_refuses_and_keeps_what_it_has()
    {
        await using var sidecar = await StartAsync();
        await sidecar.EnterFallbackAsync();
        var large = new string('x', 8_000_000);
        var outcomes = new List<string>();
        for (var i = 0; i < 9; i++)
        {
            outcomes.Add(await sidecar.OutcomeAsync("/v1/save", Save($"s{i}", large)));
        }

        Assert.Equal(Enumerable.Repeat("saved", 8).Append("refused"), outcomes);
        Assert.Equal("found", await sidecar.OutcomeAsync("/v1/load", new { key = "s0" }));
    }

    [Fact]
    public async Task A_request_given_up_while_the_cache_hangs_takes_nobody_with_it()
    {
        await using var hanging = new ScriptedServer(async (line, send) =>
        {
            await send(line == "1" || line.Contains("canary", StringComparison.Ordinal) ? "" : "END\r\n");
            return true;
        });
        await using var fake = await FakeOperator.StartAsync();
        await using var sidecar = await StartAsync(@operator: fake.Address);
        var app = App();
        app["cache"] = new { kind = "memcached", servers = new[] { hanging.Address } };
        await sidecar.OkAsync("/v1/hello", app);
        var stream = await fake.Streams.NextAsync();
        await stream.Say(new Protocol.Fleet.Decision { Epoch = 2, Mode = Mode.Cache, LeaseMs = 60_000, Fleet = 2, Fallback = Mode.Cache });
        await Eventually.True(() => sidecar.PageMode == 2);
        for (var i = 0; i < 20; i++)
        {
            await sidecar.GiveUpAsync("/v1/load", new { key = "a" }, TimeSpan.FromMilliseconds(20 * i));
        }

        Assert.Equal("unreadable", await sidecar.OutcomeAsync("/v1/load", new { key = "b" }));
        Assert.False(sidecar.Ended);
    }

    [Fact]
    public async Task Status_has_what_the_reference_says()
    {
        await using var sidecar = await StartAsync();
        await sidecar.EnterFallbackAsync();
        await sidecar.OkAsync("/v1/save", Save("a"));
        var status = await sidecar.StatusAsync();
        Assert.Equal(("ok", 1, "Cache", 1L, 1, "Cache", ""), (
            status.GetProperty("status").GetString(), status.GetProperty("api").GetInt32(), status.GetProperty("mode").GetString(),
            status.GetProperty("unsaved").GetInt64(), status.GetProperty("adapters").GetInt32(),
            status.GetProperty("fallback").GetString(), status.GetProperty("limit").GetString()));
        Assert.True(status.GetProperty("autonomous").GetBoolean());
        Assert.False(status.GetProperty("connected").GetBoolean());
        Assert.Equal(JsonValueKind.String, status.GetProperty("reason").ValueKind);
        Assert.Equal(JsonValueKind.String, status.GetProperty("phase").ValueKind);
        Assert.Equal(0, status.GetProperty("epoch").GetInt32());
        Assert.Equal(SidecarHost.Version, status.GetProperty("version").GetString());
    }

    [Fact]
    public async Task The_socket_is_open_to_the_other_users_of_the_pod()
    {
        await using var sidecar = await StartAsync();
        var socket = Path.Combine(Path.GetDirectoryName(sidecar.PagePath)!, "api.sock");
        await Eventually.True(() => File.GetUnixFileMode(socket) == (UnixFileMode)0b110_110_110);
    }
}
