using System.Text.Json;
using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A database and a memcached of one test, and what an adapter would send about them.</summary>
public abstract class OutageTest(SharedPostgres postgres) : IAsyncLifetime
{
    protected const string Later = Make.Later;

    private readonly List<IAsyncDisposable> _open = [];

    private protected AppDatabase Database { get; private set; } = null!;

    private protected MemcachedServer Cache { get; private set; } = null!;

    /// <summary>The app's own view of its cache.</summary>
    private protected MemcachedStore Entries { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Database = await AppDatabase.CreateAsync(postgres.Server);
        Cache = await MemcachedServer.StartAsync();
        Entries = new MemcachedStore([Cache.Address]);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (var one in Enumerable.Reverse(_open))
        {
            await one.DisposeAsync();
        }

        await Entries.DisposeAsync();
        await Cache.DisposeAsync();
    }

    /// <summary>A sidecar to which the app has said hello.</summary>
    private protected async Task<RunningSidecar> SidecarAsync(string? @operator = null)
    {
        var sidecar = await RunningSidecar.StartAsync(@operator: @operator);
        _open.Add(sidecar);
        await HelloAsync(sidecar);
        return sidecar;
    }

    private protected async Task<FakeOperator> OperatorAsync()
    {
        var fake = await FakeOperator.StartAsync();
        _open.Add(fake);
        return fake;
    }

    private protected async Task HelloAsync(SidecarClient sidecar) =>
        Assert.Equal("", (await sidecar.OkAsync("/v1/hello", Database.App(Cache.Address))).GetProperty("limit").GetString());

    /// <summary>The database takes no more writes, and the app has met it.</summary>
    private protected async Task OutageAsync(params SidecarClient[] sidecars)
    {
        await Database.ReadOnlyAsync();
        foreach (var sidecar in sidecars)
        {
            Assert.Equal(2, (await sidecar.OkAsync("/v1/report", new { verdict = "read_only", detail = "25006", retried = false }))
                .GetProperty("mode").GetInt32());
        }
    }

    /// <summary>The database takes writes again; ends when the sidecars have brought it up to date and say Normal.</summary>
    private protected async Task RecoveryAsync(params SidecarClient[] sidecars)
    {
        await Database.WritableAsync();
        await NormalAsync(sidecars);
    }

    private protected static async Task NormalAsync(params SidecarClient[] sidecars)
    {
        foreach (var sidecar in sidecars)
        {
            await Eventually.True(() => sidecar.PageMode == 0, 15, "the mode is Normal again");
            Assert.Equal(0, (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt64());
        }
    }

    private protected static Dictionary<string, object?> Save(
        string key, string data, string change = "state", bool create = false, string? root = null, string? entry = null, string? tombstone = null,
        params (string Column, object? Value)[] extra)
    {
        var save = RunningSidecar.Save(key, data, change, create);
        foreach (var (column, value) in extra)
        {
            ((Dictionary<string, object?>)save["columns"]!)[column] = value;
        }

        save["base"] = root is null ? null : JsonSerializer.SerializeToElement(Fingerprints.Of(root), JsonSerializerOptions.Web);
        save["cacheEntry"] = entry;
        save["tombstoneEntry"] = tombstone;
        return save;
    }

    private protected static object Delete(string key, string? entry = null, string? tombstone = null) =>
        new { key, expires = Later, cacheEntry = entry, tombstoneEntry = tombstone };

    private protected static object Login(int user, string at) =>
        new { table = "auth_user", keyColumn = "id", key = user, columns = new { last_login = at } };

    private protected static async Task SavedAsync(SidecarClient sidecar, Dictionary<string, object?> save) =>
        Assert.Equal("saved", await sidecar.OutcomeAsync("/v1/save", save));

    private protected static async Task DeletedAsync(SidecarClient sidecar, object delete) =>
        Assert.Equal("deleted", await sidecar.OutcomeAsync("/v1/delete", delete));

    private protected static async Task<string?> LoadAsync(SidecarClient sidecar, string key)
    {
        var answer = await sidecar.OkAsync("/v1/load", new { key });
        var status = answer.GetProperty("status").GetString();
        return status == "found" ? answer.GetProperty("columns").GetProperty(Make.Data).GetString() : status;
    }

    private protected async Task SetEntryAsync(string key) =>
        await Entries.SetEverywhereAsync(key, "engine's own"u8.ToArray(), TimeSpan.FromHours(1), CancellationToken.None);

    private protected Task<bool> HasEntryAsync(string key) => Entries.GetAnywhereAsync(key, CancellationToken.None);

    private protected async Task RowsAreAsync(params (string Key, string Data)[] expected) =>
        Assert.Equal(expected.OrderBy(e => e.Key).Select(e => $"{e.Key}={e.Data}"),
            (await Database.RowsAsync()).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{r.Key}={r.Value}"));
}
