using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using MySqlConnector;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Integration.Tests.MySql;

/// <summary>A MariaDB of Debian's on a port and in a directory of its own, with an app's database and an ordinary user.</summary>
public sealed class MariaDbServer : IAsyncLifetime
{
    public const string User = "app";
    public const string Password = "an app's \"pass'word\\";

    // A server does not run as root.
    private const string Unprivileged = "nobody";

    private readonly string _directory = Directory.CreateTempSubdirectory("so-maria-").FullName;
    private readonly int _port = FreePort();
    private Process? _process;

    private static bool IsRoot => Environment.UserName == "root";

    private string Socket => Path.Combine(_directory, "s.sock");

    public async ValueTask InitializeAsync()
    {
        var data = Path.Combine(_directory, "data");
        Directory.CreateDirectory(data);
        string[] user = IsRoot ? ["--user=" + Unprivileged] : [];
        if (IsRoot)
        {
            await RunAsync("chown", "-R", Unprivileged, _directory);
        }

        await RunAsync("mariadb-install-db", ["--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal",
            "--skip-test-db", "--innodb-log-file-size=8M", .. user]);
        await StartAsync();
        await RootAsync($"CREATE DATABASE app CHARACTER SET utf8mb4; CREATE USER {User}@'%' IDENTIFIED BY '{MySqlHelper.EscapeString(Password)}'; "
            + $"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON app.* TO {User}@'%'");
    }

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo("/usr/sbin/mariadbd") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])["--no-defaults", "--datadir=" + Path.Combine(_directory, "data"), "--socket=" + Socket,
            "--pid-file=" + Path.Combine(_directory, "pid"), "--port=" + _port, "--bind-address=127.0.0.1",
            "--innodb-buffer-pool-size=16M", "--max-allowed-packet=4M", "--innodb-log-file-size=8M", "--log-error=" + Path.Combine(_directory, "data", "log"),
            .. IsRoot ? (string[])["--user=" + Unprivileged] : []])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        await Until.TrueAsync(async () => !_process.HasExited && await AnswersAsync(), 60, "MariaDB answers");
    }

    /// <summary>Ends it as an administrator would.</summary>
    public async Task StopAsync()
    {
        await SignalAsync("TERM");
        await _process!.WaitForExitAsync();
    }

    public Task FreezeAsync() => SignalAsync("STOP");

    public Task ThawAsync() => SignalAsync("CONT");

    /// <summary>What an app on this server says of it.</summary>
    public DatabaseDescription Describe(string password = Password, params (string Name, object Value)[] options) => new()
    {
        Kind = "mysql",
        Host = "127.0.0.1",
        Port = _port,
        Name = "app",
        User = User,
        Password = password,
        Options = options.ToDictionary(o => o.Name, o => JsonSerializer.SerializeToElement(o.Value)),
    };

    /// <summary>The unix socket, as OPTIONS name it.</summary>
    public (string Name, object Value) UnixSocket => ("unix_socket", Socket);

    /// <summary>Runs statements as the administrator; answers the first value of the last one.</summary>
    public async Task<object?> RootAsync(string sql)
    {
        await using var connection = await OpenRootAsync("");
        await using var command = new MySqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Runs statements as the administrator, and keeps what they lock until disposed.</summary>
    public async Task<IAsyncDisposable> HoldAsync(string sql)
    {
        var connection = await OpenRootAsync("app");
        await using var command = new MySqlCommand(sql, connection);
        await command.ExecuteScalarAsync();
        return connection;
    }

    /// <summary>Makes an empty table like Django's for sessions; answers its description.</summary>
    public async Task<StoreDescription> TableAsync(string name, string moreColumns = "")
    {
        await RootAsync($"DROP TABLE IF EXISTS app.{name}; CREATE TABLE app.{name} (session_key varchar(40) NOT NULL PRIMARY KEY, "
            + $"session_data longtext NOT NULL, expire_date datetime(6) NOT NULL{moreColumns}, KEY (expire_date))");
        return new StoreDescription
        {
            Table = name,
            KeyColumn = "session_key",
            DataColumn = "session_data",
            ExpiryColumn = "expire_date",
            Sentinel = new()
            {
                ["session_data"] = JsonSerializer.SerializeToElement(""),
                ["expire_date"] = JsonSerializer.SerializeToElement("1971-01-01 00:00:00"),
            },
        };
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await ThawAsync();
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    internal static async Task RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {string.Concat(output)}");
    }

    // The shell's own kill: a bare Debian has no other.
    private Task SignalAsync(string signal) =>
        RunAsync("/bin/sh", "-c", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"kill -{signal} {_process!.Id}"));

    private async Task<MySqlConnection> OpenRootAsync(string database)
    {
        var connection = new MySqlConnection(new MySqlConnectionStringBuilder
        {
            Server = Socket,
            UserID = "root",
            Database = database,
            Pooling = false,
            AllowUserVariables = true,
            SslMode = MySqlSslMode.Disabled,
            ConnectionTimeout = 5,
        }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await RootAsync("SELECT 1");
            return true;
        }
        catch (MySqlException)
        {
            return false;
        }
    }
}
