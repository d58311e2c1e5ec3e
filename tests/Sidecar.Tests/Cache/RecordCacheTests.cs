using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Cache;

public sealed class RecordCacheTests : IAsyncDisposable
{
    private static readonly CancellationToken Never = CancellationToken.None;

    private readonly MemoryStore _store = new();
    private readonly RecordCache _cache;

    public RecordCacheTests() => _cache = new RecordCache(_store, "postgresql|db|5432|shop|django_session|");

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    [Fact]
    public async Task A_record_comes_back_as_it_was_and_only_its_reader_replaces_it()
    {
        Assert.Null(await _cache.GetAsync("a", Never));
        Assert.True(await _cache.ReplaceAsync(Make.Record("a", 1, "one"), null, Never));
        Assert.False(await _cache.ReplaceAsync(Make.Record("a", 1, "other"), null, Never));
        var (record, token) = (await _cache.GetAsync("a", Never))!.Value;
        Assert.Equal("one", Make.DataOf(record));
        Assert.True(await _cache.ReplaceAsync(Make.Record("a", 2, "two"), token, Never));
        Assert.False(await _cache.ReplaceAsync(Make.Record("a", 2, "late"), token, Never));
        Assert.Equal("two", Make.DataOf((await _cache.GetAsync("a", Never))!.Value.Record));
    }

    [Fact]
    public async Task Another_table_is_another_name()
    {
        await _cache.ReplaceAsync(Make.Record("a"), null, Never);
        Assert.Null(await new RecordCache(_store, "postgresql|db|5432|shop|other_session|").GetAsync("a", Never));
        Assert.Null(await new RecordCache(_store, "postgresql|db|5432|shop|django_session|prefix").GetAsync("a", Never));
    }

    [Fact]
    public async Task A_record_the_cache_dropped_without_a_word_was_not_written()
    {
        _store.Forgetful = true;
        await Assert.ThrowsAsync<CacheUnavailableException>(() => _cache.ReplaceAsync(Make.Record("a"), null, Never));
        Assert.False(_cache.Ok);
    }

    [Fact]
    public async Task What_is_not_one_of_our_records_is_never_taken_for_none()
    {
        await _cache.ReplaceAsync(Make.Record("a"), null, Never);
        _store.Values[_store.Values.Keys.Single()] = ("not json"u8.ToArray(), 1);
        await Assert.ThrowsAsync<CacheUnavailableException>(() => _cache.GetAsync("a", Never));
    }

    [Theory]
    [InlineData(3, false, 5, false, false)] // an older record of ours does not replace a newer one
    [InlineData(5, false, 3, false, true)]  // a newer one does
    [InlineData(5, false, 5, false, false)]
    [InlineData(3, true, 50, false, true)]  // a tombstone replaces whatever there is
    [InlineData(50, false, 3, true, false)] // and is replaced by nothing
    public async Task Publishing_keeps_the_newest(long own, bool ownDeleted, long held, bool heldDeleted, bool replaced)
    {
        await _cache.ReplaceAsync(Make.Record("a", held, "held") with { Deleted = heldDeleted }, null, Never);
        await _cache.PublishAsync(Make.Record("a", own, "own") with { Deleted = ownDeleted }, Never);
        Assert.Equal(replaced ? "own" : "held", Make.DataOf((await _cache.GetAsync("a", Never))!.Value.Record));
    }

    [Fact]
    public async Task Publishing_into_an_empty_cache_puts_the_record_there()
    {
        await _cache.PublishAsync(Make.Tombstone("a"), Never);
        Assert.True((await _cache.GetAsync("a", Never))!.Value.Record.Deleted);
    }

    [Theory]
    [InlineData(-1, 1, 1)]             // expired long ago: an hour, for pods whose clocks differ
    [InlineData(10, 10 * 24, 10 * 24 + 2)]
    [InlineData(365, 60 * 24, 60 * 24)] // as long as it is worth to remember
    public async Task A_record_lives_an_hour_longer_than_its_session(int days, double from, double to)
    {
        await _cache.ReplaceAsync(Make.Record("a") with { Expires = DateTime.UtcNow.AddDays(days) }, null, Never);
        Assert.InRange(_store.LastLife.TotalHours, from, to);
    }

    /// <summary>A cache in memory.</summary>
    private sealed class MemoryStore : ICacheStore
    {
        private ulong _tokens;

        public Dictionary<string, (byte[] Value, ulong Token)> Values { get; } = [];
        public bool Forgetful { get; set; }
        public TimeSpan LastLife { get; private set; }

        public Task<CacheValue?> GetAsync(string key, CancellationToken cancel) =>
            Task.FromResult(Values.TryGetValue(key, out var v) ? new CacheValue(v.Value, v.Token) : (CacheValue?)null);

        public Task<bool> AddAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel) =>
            Task.FromResult(!Values.ContainsKey(key) && Put(key, value, life));

        public Task<bool> CompareAndSwapAsync(
            string key, ReadOnlyMemory<byte> value, ulong token, TimeSpan life, CancellationToken cancel) =>
            Task.FromResult(Values.TryGetValue(key, out var held) && held.Token == token && Put(key, value, life));

        public Task SetEverywhereAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel) =>
            Task.FromResult(Put(key, value, life));

        public Task<bool> GetAnywhereAsync(string key, CancellationToken cancel) => Task.FromResult(Values.ContainsKey(key));

        public Task<bool> GetEverywhereAsync(string key, CancellationToken cancel) => GetAnywhereAsync(key, cancel);

        public Task DeleteEverywhereAsync(string key, CancellationToken cancel) => Task.FromResult(Values.Remove(key));

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private bool Put(string key, ReadOnlyMemory<byte> value, TimeSpan life)
        {
            LastLife = life;
            if (!Forgetful)
            {
                Values[key] = (value.ToArray(), ++_tokens);
            }

            return true;
        }
    }
}
