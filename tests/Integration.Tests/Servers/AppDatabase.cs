using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Servers;

/// <summary>The database of one app: a session table with columns of the app's own, and a table of users.</summary>
internal sealed class AppDatabase(PostgresServer server)
{
    private static int _count;

    public PostgresServer Server => server;

    public string Name { get; } = $"app{Interlocked.Increment(ref _count)}";

    public static async Task<AppDatabase> CreateAsync(PostgresServer server)
    {
        var database = new AppDatabase(server);
        await server.ExecuteAsync("postgres", $"CREATE DATABASE {database.Name} OWNER app");
        await server.ExecuteAsync(database.Name, """
            SET ROLE app;
            CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL,
                user_id integer, seen timestamptz, staff boolean, photo bytea);
            CREATE TABLE auth_user (id integer PRIMARY KEY, last_login timestamptz);
            """);
        return database;
    }

    /// <summary>What the adapter announces.</summary>
    public Dictionary<string, object?> App(params string[] caches)
    {
        var app = RunningSidecar.App();
        app["database"] = new { kind = "postgresql", host = "127.0.0.1", port = server.Port, name = Name, user = "app", password = PostgresServer.Password };
        app["cache"] = new { kind = "memcached", servers = caches };
        return app;
    }

    public DatabaseDescription Description(string password = PostgresServer.Password) =>
        new() { Kind = "postgresql", Host = "127.0.0.1", Port = server.Port, Name = Name, User = "app", Password = password };

    /// <summary>From now on the app's sessions of this database take no writes; those of the tests do.</summary>
    public Task ReadOnlyAsync() => server.ExecuteAsync("postgres", $"""
        ALTER DATABASE {Name} SET default_transaction_read_only = on;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{Name}';
        """);

    public Task WritableAsync() => server.ExecuteAsync("postgres", $"""
        ALTER DATABASE {Name} RESET default_transaction_read_only;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{Name}';
        """);

    public Task ExecuteAsync(string sql) => server.ExecuteAsync(Name, sql);

    public Task<List<object?[]>> QueryAsync(string sql) => server.QueryAsync(Name, sql);

    /// <summary>A row as the engine left it before the outage.</summary>
    public Task SeedAsync(string key, string data, string expires = "2030-01-01T00:00:00Z") =>
        ExecuteAsync($"INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('{key}', '{data}', '{expires}')");

    /// <summary>Session data by key.</summary>
    public async Task<Dictionary<string, string>> RowsAsync() =>
        (await QueryAsync("SELECT session_key, session_data FROM django_session"))
            .ToDictionary(r => (string)r[0]!, r => (string)r[1]!);

    public async Task<DateTime> ExpiryAsync(string key) =>
        (DateTime)(await QueryAsync($"SELECT expire_date FROM django_session WHERE session_key = '{key}'")).Single()[0]!;
}
