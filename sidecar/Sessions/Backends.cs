using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Replay;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>The app's database and cache as this sidecar reaches them.</summary>
/// <param name="App">What the app said.</param>
/// <param name="Cache">Null if the app has no cache that all pods share, or one we do not speak.</param>
/// <param name="Rows">Null if we do not speak the database's protocol.</param>
/// <param name="Probe">As <paramref name="Rows"/>.</param>
/// <param name="Limit">Why the fallback can only be SkipSave; empty if it can be Cache.</param>
/// <param name="Store">Names the session table among all of a fleet; a hash. Empty if we cannot write to it.</param>
internal sealed record Backend(AppDescription App, RecordCache? Cache, IRowStore? Rows, IDatabaseProbe? Probe, string Limit, string Store);

/// <summary>Builds the backend from what the app's processes announce.</summary>
internal sealed class Backends(Action<Backend> changed, ILogger log)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, string> _processes = [];
    private byte[] _described = [];

    public Backend? Current { get; internal set; }

    /// <summary>App processes that have announced themselves.</summary>
    public int Adapters
    {
        get { lock (_lock) { return _processes.Count; } }
    }

    public static ApiException HelloExpected() =>
        new(409, "hello_expected", "no app has announced itself since this sidecar started; send /v1/hello first, then repeat");

    /// <summary>Takes an app's description; the same one again changes nothing, new credentials replace the old ones.</summary>
    /// <exception cref="ApiException">Malformed, or another app with another session table was first.</exception>
    public Backend Announce(AppDescription app)
    {
        Validate(app);
        lock (_lock)
        {
            if (Current is { } current && current.App.Store!.Table != app.Store!.Table)
            {
                throw new ApiException(409, "other_store",
                    $"this pod's sidecar keeps the sessions of table {current.App.Store.Table}; two apps with different session tables need two pods");
            }

            _processes[app.Pid] = app.AdapterVersion;
            var described = JsonSerializer.SerializeToUtf8Bytes(app with { Pid = 0 }, SidecarJson.Default.AppDescription);
            if (Current is not null && described.AsSpan().SequenceEqual(_described))
            {
                return Current;
            }

            _described = described;
            Current = Build(app);
            log.AppAnnounced(app.Framework, app.FrameworkVersion, app.Engine, app.Database!.Kind, app.Cache?.Kind ?? "none", Current.Limit);
        }

        changed(Current);
        return Current;
    }

    /// <summary>Tells the session tables apart whose pods share a cache.</summary>
    public static string Identity(DatabaseDescription database, string table, string? keyPrefix) =>
        $"{database.Kind}|{database.Host}|{database.Port}|{database.Name}|{table}|{keyPrefix}"
        + (database.Kind == "postgresql" && PostgresConnection.Settings(database) is { } settings ? $"|{settings}" : "");

    private static Backend Build(AppDescription app)
    {
        var database = app.Database!;
        var store = app.Store!;
        var shared = app.Cache;
        var identity = Identity(database, store.Table, shared?.KeyPrefix);
        IRowStore? rows = null;
        IDatabaseProbe? probe = null;
        RecordCache? cache = null;
        var limit = "";
        try
        {
            (rows, probe) = Database(database, store);
        }
        catch (FormatException e)
        {
            limit = e.Message;
        }

        try
        {
            cache = limit.Length == 0 ? new RecordCache(SharedCache(shared), identity) : null;
        }
        catch (FormatException e)
        {
            limit = e.Message;
        }

        var name = rows is null ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..16];
        return new Backend(app, cache, rows, probe, limit, name);
    }

    private static ICacheStore SharedCache(CacheDescription? shared)
    {
        switch (shared?.Kind)
        {
            case "memcached" when shared.Servers is { Count: > 0 } servers:
                return new MemcachedStore(servers);
            case "redis":
                var redis = new RedisStore(RedisSettings.Of(shared));
                redis.Warm();
                return redis;
            case null or "" or "none":
                throw new FormatException("the app's session cache is not shared by all pods; use memcached or Redis to have sessions kept in the cache");
            default:
                throw new FormatException($"the sidecar does not speak the app's cache ({shared.Kind}); it speaks memcached and Redis");
        }
    }

    private static (IRowStore Rows, IDatabaseProbe Probe) Database(DatabaseDescription database, StoreDescription store)
    {
        switch (database.Kind)
        {
            case "postgresql":
                return (new PostgresRows(database, store), new PostgresProbe(database, store));
            case "mysql":
                var settings = MySqlSettings.Of(database);
                return (new MySqlRows(settings, store), new MySqlProbe(settings, store));
            default:
                throw new FormatException($"the sidecar does not speak the app's database ({database.Kind}); it speaks PostgreSQL, MySQL and MariaDB");
        }
    }

    private static void Validate(AppDescription app)
    {
        if (app.Api != 1)
        {
            throw new ApiException(400, "malformed", $"\"api\" is {app.Api}; this sidecar speaks version 1");
        }

        if (app.Database is not { Kind.Length: > 0 })
        {
            throw ApiException.Malformed("\"database.kind\" is missing; send postgresql, mysql or the name of another database");
        }

        if (app.Database.Port is < 1 or > 65535)
        {
            throw ApiException.Malformed("\"database.port\" must be from 1 to 65535, or null");
        }

        if (app.Store is not { Table.Length: > 0, KeyColumn.Length: > 0, DataColumn.Length: > 0, ExpiryColumn.Length: > 0 })
        {
            throw ApiException.Malformed("\"store\" needs table, keyColumn, dataColumn and expiryColumn");
        }

        foreach (var (name, value) in app.Store.Sentinel ?? [])
        {
            try
            {
                ColumnValue.Of(value);
            }
            catch (FormatException e)
            {
                throw ApiException.Malformed($"\"store.sentinel.{name}\": {e.Message}");
            }
        }
    }
}
