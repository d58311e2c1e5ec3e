using Npgsql;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Servers;

/// <summary>A PostgreSQL of the test's own: a data directory, a free port, passwords checked, ended by process id.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    public const string Password = "s3cret";

    private static readonly string Binaries = FindBinaries();
    private static readonly string[] AsServer = Environment.UserName == "root"
        ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] : [];

    private readonly TempDirectory _directory = new();
    private readonly string _data;
    private ServerProcess? _process;

    private PostgresServer()
    {
        _data = _directory["data"];
        Port = ServerProcess.FreePort();
    }

    public int Port { get; }

    /// <summary>A server made from nothing, or from the data directory of one that was not started yet.</summary>
    public static async Task<PostgresServer> StartAsync()
    {
        var server = new PostgresServer();
        if (AsServer.Length > 0)
        {
            ServerProcess.Run("chown", "postgres:postgres", server._directory.Path);
        }

        var password = server._directory["password"];
        File.WriteAllText(password, Password);
        File.SetUnixFileMode(password, (UnixFileMode)0b110_100_100);
        ServerProcess.Run([.. AsServer, Path.Combine(Binaries, "initdb"), "--pgdata", server._data, "--username", "admin",
            "--auth", "scram-sha-256", "--pwfile", password, "--no-sync", "--encoding", "UTF8", "--locale", "C"]);
        await server.ContinueAsync();
        await server.ExecuteAsync("postgres", $"CREATE ROLE app LOGIN PASSWORD '{Password}'");
        return server;
    }

    /// <summary>Connection string of the superuser, to whom the tests' outages do not apply.</summary>
    public string Admin(string database) =>
        $"Host=127.0.0.1;Port={Port};Database={database};Username=admin;Password={Password};Pooling=false;Timeout=5;"
        + "Options=-c default_transaction_read_only=off";

    /// <summary>Starts the server again on its data.</summary>
    public async Task ContinueAsync()
    {
        _process?.Dispose();
        _process = ServerProcess.Start(_directory["log"], [.. AsServer, Path.Combine(Binaries, "postgres"), "-D", _data,
            "-c", "listen_addresses=127.0.0.1", "-c", $"port={Port}", "-c", "unix_socket_directories=", "-c", "fsync=off",
            "-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "autovacuum=off"]);
        await Eventually.True(AnswersAsync, 30, "PostgreSQL answers");
    }

    /// <summary>Connections are cut and refused.</summary>
    public Task StopAsync() => _process!.EndAsync(ServerProcess.Signal.Interrupt);

    /// <summary>New connections are accepted and never answered.</summary>
    public void Freeze() => _process!.Send(ServerProcess.Signal.Stop);

    public void Thaw() => _process!.Send(ServerProcess.Signal.Continue);

    public async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(Admin(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<List<object?[]>> QueryAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(Admin(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<object?[]>();
        while (await reader.ReadAsync())
        {
            var row = new object?[reader.FieldCount];
            reader.GetValues(row!);
            rows.Add([.. row.Select(v => v is DBNull ? null : v)]);
        }

        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { Running: true } running)
        {
            running.Send(ServerProcess.Signal.Continue);
            await running.EndAsync(ServerProcess.Signal.Interrupt);
        }

        _process?.Dispose();
        _directory.Dispose();
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await ExecuteAsync("postgres", "SELECT 1");
            return true;
        }
        catch (NpgsqlException e)
        {
            return _process is { Running: true } ? false : throw new InvalidOperationException(File.ReadAllText(_directory["log"]), e);
        }
    }

    private static string FindBinaries()
    {
        var debian = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(d => Path.Combine(d, "bin")) : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return debian.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            ?? throw new InvalidOperationException("PostgreSQL's initdb is not here; scripts/setup installs it");
    }
}
