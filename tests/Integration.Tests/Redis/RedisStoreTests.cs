using System.Diagnostics;
using System.Text;
using SessionOperator.Sidecar.Cache;

namespace SessionOperator.Integration.Tests.Redis;

public sealed class RedisStoreTests
{
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_value_is_added_once_read_back_and_swapped_by_who_read_it_last()
    {
        await using var server = await RedisServer.StartAsync();
        await using var one = await server.ConnectAsync();
        await using var other = await server.ConnectAsync();

        Assert.Null(await one.GetAsync("k", None));
        Assert.True(await one.AddAsync("k", Bytes("first"), Life, None));
        Assert.False(await other.AddAsync("k", Bytes("late"), Life, None));
        var (mine, others) = ((await one.GetAsync("k", None))!.Value, (await other.GetAsync("k", None))!.Value);
        Assert.Equal("first", Encoding.UTF8.GetString(mine.Value));

        Assert.True(await one.CompareAndSwapAsync("k", Bytes("second"), mine.Token, Life, None));
        Assert.False(await other.CompareAndSwapAsync("k", Bytes("lost"), others.Token, Life, None));
        Assert.Equal("second", Encoding.UTF8.GetString((await other.GetAsync("k", None))!.Value.Value));
    }

    [Fact]
    public async Task The_same_value_written_again_is_another_state()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = await server.ConnectAsync();
        await store.AddAsync("k", Bytes("a"), Life, None);
        var before = (await store.GetAsync("k", None))!.Value;
        await store.CompareAndSwapAsync("k", Bytes("b"), before.Token, Life, None);
        await store.CompareAndSwapAsync("k", Bytes("a"), (await store.GetAsync("k", None))!.Value.Token, Life, None);

        Assert.False(await store.CompareAndSwapAsync("k", Bytes("c"), before.Token, Life, None));
    }

    [Fact]
    public async Task Many_writers_at_once_lose_no_write()
    {
        await using var server = await RedisServer.StartAsync();
        await using var one = await server.ConnectAsync();
        await using var other = await server.ConnectAsync();
        await one.AddAsync("k", Bytes("0"), Life, None);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => IncrementAsync(i % 2 == 0 ? one : other)));

        Assert.Equal("20", Encoding.UTF8.GetString((await one.GetAsync("k", None))!.Value.Value));

        static async Task IncrementAsync(RedisStore store)
        {
            while (true)
            {
                var held = (await store.GetAsync("k", None))!.Value;
                var next = Bytes((int.Parse(Encoding.UTF8.GetString(held.Value)) + 1).ToString());
                if (await store.CompareAndSwapAsync("k", next, held.Token, Life, None))
                {
                    return;
                }
            }
        }
    }

    [Fact]
    public async Task What_is_written_expires()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = await server.ConnectAsync();
        await store.AddAsync("added", Bytes("v"), TimeSpan.FromHours(1), None);
        await store.CompareAndSwapAsync("added", Bytes("v"), (await store.GetAsync("added", None))!.Value.Token, TimeSpan.FromHours(2), None);
        await store.SetEverywhereAsync("set", Bytes("1"), TimeSpan.FromDays(40), None);

        Assert.InRange(int.Parse(await server.CliAsync("TTL", "added")), 7100, 7200);
        Assert.InRange(int.Parse(await server.CliAsync("TTL", "set")), 3_400_000, 3_456_000);
    }

    [Fact]
    public async Task A_tombstone_is_the_plain_integer_that_the_apps_clients_read_and_an_entry_goes_by_its_raw_key()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = await server.ConnectAsync(location: $"redis://127.0.0.1:{server.Port}/3");

        await store.SetEverywhereAsync(":1:sessionoperator.tombstone.abc", Bytes("1"), Life, None);
        Assert.Equal("1", await server.CliAsync("-n", "3", "GET", ":1:sessionoperator.tombstone.abc"));
        Assert.True(await store.GetAnywhereAsync(":1:sessionoperator.tombstone.abc", None));

        await server.CliAsync("-n", "3", "SET", ":1:django.contrib.sessions.cached_dbabc", "pickle");
        await store.DeleteEverywhereAsync(":1:django.contrib.sessions.cached_dbabc", None);
        await store.DeleteEverywhereAsync("absent", None);
        Assert.Equal("0", await server.CliAsync("-n", "3", "EXISTS", ":1:django.contrib.sessions.cached_dbabc"));
    }

    [Fact]
    public async Task Password_user_and_unix_socket_are_used()
    {
        await using var server = await RedisServer.StartAsync("--requirepass", "p@ss/word", "--user", "app", "on", ">secret", "~*", "+@all");

        foreach (var (options, location) in ((string, string)[])[
            ("{}", $"redis://:p%40ss%2Fword@127.0.0.1:{server.Port}/0"),
            ("""{"PASSWORD": "p@ss/word"}""", $"redis://127.0.0.1:{server.Port}"),
            ("{}", $"redis://app:secret@127.0.0.1:{server.Port}/0"),
            ("""{"username": "app", "password": "secret"}""", $"unix://{server.Socket}?db=2")])
        {
            await using var store = await server.ConnectAsync(options, location);
            await store.SetEverywhereAsync("k", Bytes("1"), Life, None);
            Assert.True(await store.GetAnywhereAsync("k", None));
        }
    }

    [Fact]
    public async Task A_wrong_password_is_a_cache_that_does_not_answer_and_says_why_without_telling_it()
    {
        await using var server = await RedisServer.StartAsync("--requirepass", "right");
        await using var store = server.Store(location: $"redis://:wrong-one@127.0.0.1:{server.Port}/0");

        var e = await UnavailableAsync(store);

        Assert.DoesNotContain("wrong-one", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-key", e.Message, StringComparison.Ordinal);
        await SaysWhyAsync(store);
    }

    [Fact]
    public async Task A_password_that_was_changed_is_told_from_a_server_that_is_gone()
    {
        await using var server = await RedisServer.StartAsync("--requirepass", "right");
        await using var store = await server.ConnectAsync(location: $"redis://:right@127.0.0.1:{server.Port}/0");
        await server.StopAsync();
        await UnavailableAsync(store);

        await server.StartAgainAsync("--requirepass", "changed");
        await SaysWhyAsync(store);

        await server.StopAsync();
        await server.StartAgainAsync("--requirepass", "right");
        await Until.TrueAsync(() => AnswersAsync(store), 30, "the old password is right again");
        await server.StopAsync();
        Assert.DoesNotContain("AuthenticationFailure", (await UnavailableAsync(store)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_server_is_told_fast_nothing_is_queued_and_its_empty_successor_serves()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = await server.ConnectAsync();
        await store.AddAsync("k", Bytes("v"), Life, None);
        await server.StopAsync();
        await UnavailableAsync(store);

        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<CacheUnavailableException>(() => store.SetEverywhereAsync("queued", Bytes("1"), Life, None));
        Assert.True(clock.ElapsedMilliseconds < 300, $"{clock.ElapsedMilliseconds} ms until a stopped server was told");

        await server.StartAgainAsync();
        await Until.TrueAsync(() => AnswersAsync(store), 5, "the successor serves");
        Assert.Null(await store.GetAsync("k", None));
        Assert.Equal("0", await server.CliAsync("EXISTS", "queued"));
    }

    [Fact]
    public async Task A_server_that_is_not_there_yet_is_found_when_it_comes()
    {
        await using var server = await RedisServer.StartAsync();
        await server.StopAsync();
        await using var store = server.Store();
        store.Warm();
        await UnavailableAsync(store);

        await server.StartAgainAsync();
        await Until.TrueAsync(() => AnswersAsync(store), 5, "the server is found");
    }

    [Fact]
    public async Task A_frozen_server_costs_the_deadline_and_no_more()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = await server.ConnectAsync();
        await store.AddAsync("k", Bytes("v"), Life, None);
        await server.FreezeAsync();

        var clock = Stopwatch.StartNew();
        await UnavailableAsync(store);
        Assert.InRange(clock.ElapsedMilliseconds, 0, 1200);

        await server.ThawAsync();
        await Until.TrueAsync(() => AnswersAsync(store), 5, "the thawed server serves");
        Assert.NotNull(await store.GetAsync("k", None));
    }

    [Fact]
    public async Task A_server_that_refuses_writes_is_unavailable()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = await server.ConnectAsync();
        await store.AddAsync("k", Bytes("v"), Life, None);
        await server.CliAsync("CONFIG", "SET", "maxmemory", "1");

        var e = await Assert.ThrowsAsync<CacheUnavailableException>(() => store.SetEverywhereAsync("secret-key", Bytes("1"), Life, None));
        Assert.Contains("OOM", e.Message, StringComparison.Ordinal);
    }

    internal static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    internal static async Task<bool> AnswersAsync(RedisStore store)
    {
        try
        {
            await store.GetAsync("any", None);
            return true;
        }
        catch (CacheUnavailableException)
        {
            return false;
        }
    }

    private static Task SaysWhyAsync(RedisStore store) => Until.TrueAsync(
        async () => (await UnavailableAsync(store)).Message.Contains("AuthenticationFailure", StringComparison.Ordinal), 30, "the reason is authentication");

    private static Task<CacheUnavailableException> UnavailableAsync(RedisStore store) =>
        Assert.ThrowsAsync<CacheUnavailableException>(() => store.GetAsync("secret-key", None));
}
