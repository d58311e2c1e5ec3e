using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Memcached;

/// <summary>The client and the records in it, against a real memcached.</summary>
public sealed class MemcachedTests : IAsyncLifetime
{
    private static readonly CancellationToken Never = CancellationToken.None;
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private MemcachedServer _server = null!;
    private MemcachedStore _store = null!;
    private RecordCache _records = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await MemcachedServer.StartAsync();
        _store = new MemcachedStore([_server.Address]);
        _records = new RecordCache(_store, "table");
    }

    public async ValueTask DisposeAsync()
    {
        await _records.DisposeAsync();
        await _server.DisposeAsync();
    }

    private async Task<string?> Text(string key) =>
        await _store.GetAsync(key, Never) is { } value ? System.Text.Encoding.UTF8.GetString(value.Value) : null;

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    [Fact]
    public async Task Of_two_writers_who_read_the_same_one_loses()
    {
        Assert.True(await _records.ReplaceAsync(Make.Record("a", 1, "one"), null, Never));
        var (_, token) = (await _records.GetAsync("a", Never))!.Value;
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            _records.ReplaceAsync(Make.Record("a", 2, $"writer {i}"), token, Never)));
        var winner = Array.IndexOf(outcomes, true);
        Assert.Equal(1, outcomes.Count(won => won));
        Assert.Equal($"writer {winner}", Make.DataOf((await _records.GetAsync("a", Never))!.Value.Record));
    }

    [Fact]
    public async Task Of_two_writers_of_a_new_record_one_loses()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => _records.ReplaceAsync(Make.Record("a", 1, $"{i}"), null, Never)));
        Assert.Equal(1, outcomes.Count(won => won));
    }

    [Fact]
    public async Task What_went_since_it_was_read_is_not_replaced()
    {
        await _store.AddAsync("k", Bytes("one"), Hour, Never);
        var token = (await _store.GetAsync("k", Never))!.Value.Token;
        await _store.DeleteEverywhereAsync("k", Never);
        Assert.False(await _store.CompareAndSwapAsync("k", Bytes("two"), token, Hour, Never));
        Assert.Null(await Text("k"));
    }

    [Fact]
    public async Task Any_bytes_come_back()
    {
        var bytes = Enumerable.Range(0, 100_000).Select(i => (byte)(i * 31)).Concat("\r\nEND\r\n"u8.ToArray()).ToArray();
        await _store.SetEverywhereAsync("k", bytes, Hour, Never);
        Assert.Equal(bytes, (await _store.GetAsync("k", Never))!.Value.Value);
        await _store.SetEverywhereAsync("empty", Array.Empty<byte>(), Hour, Never);
        Assert.Empty((await _store.GetAsync("empty", Never))!.Value.Value);
    }

    [Fact]
    public async Task A_record_too_large_for_the_server_is_refused_aloud_and_the_next_request_is_answered()
    {
        await _records.ReplaceAsync(Make.Record("a", 1, "one"), null, Never);
        var token = (await _records.GetAsync("a", Never))!.Value.Token;
        var large = new string('x', 1_100_000);
        var error = await Assert.ThrowsAsync<CacheUnavailableException>(() => _records.ReplaceAsync(Make.Record("a", 2, large), token, Never));
        Assert.DoesNotContain("xxx", error.ToString(), StringComparison.Ordinal);
        await Assert.ThrowsAsync<CacheUnavailableException>(() => _records.ReplaceAsync(Make.Record("b", 1, large), null, Never));
        Assert.Null(await _records.GetAsync("b", Never));
        Assert.True(await _records.ReplaceAsync(Make.Record("c", 1, "small"), null, Never));
    }

    [Fact]
    public async Task A_restarted_server_is_empty_and_answers_on_the_connections_of_before()
    {
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => _store.AddAsync($"k{i}", Bytes("x"), Hour, Never)));
        await _server.KillAsync();
        await Assert.ThrowsAsync<CacheUnavailableException>(() => _store.GetAsync("k0", Never));
        await Assert.ThrowsAsync<CacheUnavailableException>(() => _records.GetAsync("a", Never));
        Assert.False(_records.Ok);
        await _server.ContinueAsync();
        for (var i = 0; i < 10; i++)
        {
            Assert.Null(await _store.GetAsync($"k{i}", Never));
        }

        Assert.Null(await _records.GetAsync("a", Never));
        Assert.True(_records.Ok);
    }

    [Theory]
    [InlineData(29)]
    [InlineData(31)]
    [InlineData(60)]
    public async Task Lives_longer_than_30_days_are_not_taken_for_a_date_long_past(int days)
    {
        await _store.SetEverywhereAsync("k", Bytes("x"), TimeSpan.FromDays(days), Never);
        Assert.Equal("x", await Text("k"));
    }

    [Fact]
    public async Task A_short_life_ends()
    {
        await _store.SetEverywhereAsync("k", Bytes("x"), TimeSpan.FromMilliseconds(10), Never);
        await Eventually.True(async () => await Text("k") is null);
    }

    [Fact]
    public async Task Keys_of_the_app_are_set_found_and_deleted_on_every_server()
    {
        await using var other = await MemcachedServer.StartAsync();
        await using var both = new MemcachedStore([_server.Address, other.Address]);
        await using var second = new MemcachedStore([other.Address]);
        await both.SetEverywhereAsync("entry", Bytes("x"), Hour, Never);
        Assert.NotNull(await _store.GetAsync("entry", Never));
        Assert.NotNull(await second.GetAsync("entry", Never));
        await _store.DeleteEverywhereAsync("entry", Never);
        Assert.True(await both.GetAnywhereAsync("entry", Never));
        Assert.False(await both.GetEverywhereAsync("entry", Never));
        await both.DeleteEverywhereAsync("entry", Never);
        Assert.False(await both.GetAnywhereAsync("entry", Never));
        await both.DeleteEverywhereAsync("entry", Never);
    }

    [Fact]
    public async Task With_one_server_of_two_gone_everywhere_cannot_be_claimed()
    {
        await using var other = await MemcachedServer.StartAsync();
        await using var both = new MemcachedStore([_server.Address, other.Address]);
        await other.KillAsync();
        await Assert.ThrowsAsync<CacheUnavailableException>(() => both.SetEverywhereAsync("entry", Bytes("x"), Hour, Never));
        await Assert.ThrowsAsync<CacheUnavailableException>(() => both.GetAnywhereAsync("entry", Never));
        await Assert.ThrowsAsync<CacheUnavailableException>(() => both.DeleteEverywhereAsync("entry", Never));
    }

    [Fact]
    public async Task A_journal_published_by_two_pods_at_once_leaves_the_newest()
    {
        var versions = Enumerable.Range(1, 12).Select(v => (long)v).ToArray();
        await using var pod = new RecordCache(new MemcachedStore([_server.Address]), "table");
        await Task.WhenAll(versions.Select(v => (v % 2 == 0 ? pod : _records).PublishAsync(Make.Record("a", v, $"v{v}"), Never)));
        Assert.Equal("v12", Make.DataOf((await _records.GetAsync("a", Never))!.Value.Record));
        await Task.WhenAll(_records.PublishAsync(Make.Tombstone("a"), Never), pod.PublishAsync(Make.Record("a", 50), Never));
        SessionRecord last = (await _records.GetAsync("a", Never))!.Value.Record;
        Assert.True(last.Deleted);
    }
}
