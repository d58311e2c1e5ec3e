using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using SessionOperator.Sidecar.Cache;

namespace SessionOperator.Sidecar.Tests.Cache;

public class MemcachedStoreTests
{
    private const string Key = "so1.0123456789abcdef.k3ysecret";
    private static readonly CancellationToken Never = CancellationToken.None;

    private static async Task<CacheUnavailableException> Fails(string address, Func<MemcachedStore, Task> work)
    {
        await using var store = new MemcachedStore([address]);
        var clock = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<CacheUnavailableException>(() => work(store));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 1.5);
        Assert.DoesNotContain("k3ysecret", error.ToString(), StringComparison.Ordinal);
        return error;
    }

    private static Task Get(MemcachedStore store) => store.GetAsync(Key, Never);

    private static Task Add(MemcachedStore store) => store.AddAsync(Key, "v"u8.ToArray(), TimeSpan.FromHours(1), Never);

    [Theory]
    [InlineData("127.0.0.1:11311", "127.0.0.1:11311")]
    [InlineData("127.0.0.1", "127.0.0.1:11211")]
    [InlineData("[::1]:11311", "[::1]:11311")]
    [InlineData("::1", "[::1]:11211")]
    [InlineData("inet6:[::1]:11311", "[::1]:11311")]
    [InlineData("inet:127.0.0.1:11311", "127.0.0.1:11311")]
    [InlineData("cache.shop.svc:11311", "Unspecified/cache.shop.svc:11311")]
    [InlineData("cache", "Unspecified/cache:11211")]
    [InlineData("/run/memcached.sock", "/run/memcached.sock")]
    [InlineData("unix:/run/memcached.sock", "/run/memcached.sock")]
    public void Servers_are_written_as_django_writes_them(string text, string expected) =>
        Assert.Equal(expected, MemcachedStore.ParseServer(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData(":11211")]
    [InlineData("cache:")]
    [InlineData("cache:0")]
    [InlineData("cache:70000")]
    [InlineData("cache:eleven")]
    [InlineData("unix:relative")]
    public void Anything_else_is_answered_with_what_to_write(string text)
    {
        var error = Assert.Throws<FormatException>(() => MemcachedStore.ParseServer(text));
        Assert.Equal($"\"{text}\" is not a memcached server; write host:port, [ipv6]:port or unix:/path", error.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("VAL")]
    [InlineData("VALUE " + Key + " 0 100 7\r\n")]
    [InlineData("VALUE " + Key + " 0 5 7\r\nabcde")]
    [InlineData("VALUE " + Key + " 0 5 7\r\nabcde\r\n")]
    public async Task A_server_that_hangs_in_an_answer_is_unavailable_within_the_deadline(string half)
    {
        await using var server = ScriptedServer.Saying(half);
        Assert.Contains("does not answer", (await Fails(server.Address, Get)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("STO")]
    [InlineData("")]
    public async Task So_is_one_that_hangs_in_the_answer_to_a_write(string half)
    {
        await using var server = ScriptedServer.Saying(half);
        await Fails(server.Address, Add);
    }

    [Theory]
    [InlineData("")]
    [InlineData("VALUE " + Key + " 0 5 7\r\nab")]
    public async Task A_server_that_closes_in_an_answer_is_unavailable(string half)
    {
        await using var server = ScriptedServer.Saying(half, thenClose: true);
        await Fails(server.Address, Get);
        await Fails(server.Address, Add);
    }

    [Theory]
    [InlineData("ERROR\r\n")]
    [InlineData("SERVER_ERROR out of memory reading request\r\n")]
    [InlineData("CLIENT_ERROR bad command line: gets " + Key + "\r\n")]
    [InlineData("k3ysecret\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    [InlineData("VALUE\r\n")]
    [InlineData("VALUE " + Key + " 0 five 7\r\n")]
    [InlineData("VALUE " + Key + " 0 -1 7\r\n")]
    [InlineData("VALUE " + Key + " 0 999999999999 7\r\n")]
    [InlineData("VALUE " + Key + " 0 99999999 7\r\n")]
    [InlineData("VALUE " + Key + " 0 1 minus\r\nx\r\nEND\r\n")]
    [InlineData("VALUE " + Key + " 0 3 7\r\nmore than three\r\nEND\r\n")]
    public async Task Garbage_is_unavailable_and_quotes_nothing_of_the_request(string garbage)
    {
        await using var server = ScriptedServer.Saying(garbage);
        await Fails(server.Address, Get);
        await Fails(server.Address, Add);
    }

    [Fact]
    public async Task A_line_without_an_end_is_garbage_too()
    {
        await using var server = ScriptedServer.Saying(new string('x', 100_000));
        await Fails(server.Address, Get);
    }

    [Fact]
    public async Task An_answer_about_another_key_is_somebody_elses_session()
    {
        await using var server = ScriptedServer.Saying("VALUE so1.0123456789abcdef.another 0 1 7\r\nx\r\nEND\r\n");
        await Fails(server.Address, Get);
    }

    [Fact]
    public async Task Nobody_listening_is_unavailable_at_once()
    {
        string address;
        await using (var server = ScriptedServer.Saying(""))
        {
            address = server.Address;
        }

        Assert.Contains(address, (await Fails(address, Get)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_in_single_bytes_is_an_answer()
    {
        await using var server = new ScriptedServer(async (_, send) =>
        {
            foreach (var c in "VALUE " + Key + " 0 9 18446744073709551615\r\n\r\nEND\r\nab\r\nEND\r\n")
            {
                await send(c.ToString());
            }

            return true;
        });
        await using var store = new MemcachedStore([server.Address]);
        for (var i = 0; i < 3; i++)
        {
            var value = await store.GetAsync(Key, Never);
            Assert.Equal("\r\nEND\r\nab"u8.ToArray(), value!.Value.Value);
            Assert.Equal(ulong.MaxValue, value.Value.Token);
        }

        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task A_connection_that_died_while_idle_is_replaced_by_a_fresh_one()
    {
        await using var server = ScriptedServer.Saying("END\r\n", thenClose: true);
        await using var store = new MemcachedStore([server.Address]);
        for (var i = 1; i <= 3; i++)
        {
            Assert.Null(await store.GetAsync(Key, Never));
            Assert.Equal(i, server.Connections);
        }
    }

    [Fact]
    public async Task After_a_failure_the_connection_is_not_used_again()
    {
        var hang = true;
        await using var server = new ScriptedServer(async (_, send) =>
        {
            await send(hang ? "VALUE " + Key + " 0 50 7\r\nthe first half" : "END\r\n");
            return true;
        });
        await using var store = new MemcachedStore([server.Address]);
        await Assert.ThrowsAsync<CacheUnavailableException>(() => store.GetAsync(Key, Never));
        hang = false;
        Assert.Null(await store.GetAsync(Key, Never));
        Assert.Equal(2, server.Connections);
    }

    [Fact]
    public async Task Who_cancels_gets_his_cancellation_and_no_verdict_on_the_cache()
    {
        await using var server = ScriptedServer.Saying("");
        await using var store = new MemcachedStore([server.Address]);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.GetAsync(Key, cancel.Token));
    }

    [Fact]
    public async Task A_server_whose_queue_is_full_is_unavailable_within_the_deadline()
    {
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var second = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await first.ConnectAsync(full.LocalEndPoint!, Never);
        using var givenUp = new CancellationTokenSource();
        var waiting = second.ConnectAsync(full.LocalEndPoint!, givenUp.Token).AsTask();
        await Fails(full.LocalEndPoint!.ToString()!, Get);
        await givenUp.CancelAsync();
        await Task.WhenAny(waiting);
    }

    [Fact]
    public async Task A_key_of_ours_lives_on_one_server_and_the_same_in_every_pod()
    {
        await using var one = ScriptedServer.Saying("END\r\n");
        await using var two = ScriptedServer.Saying("END\r\n");
        await using var here = new MemcachedStore([one.Address, two.Address]);
        await using var there = new MemcachedStore([two.Address, one.Address]);
        await here.GetAsync(Key, Never);
        var (ones, twos) = (one.Connections, two.Connections);
        Assert.Equal(1, ones + twos);
        await there.GetAsync(Key, Never);
        Assert.Equal((2 * ones, 2 * twos), (one.Connections, two.Connections));
    }
}
