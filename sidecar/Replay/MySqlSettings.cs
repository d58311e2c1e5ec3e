using System.Text.Json;
using MySqlConnector;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>What the app says of its MySQL or MariaDB, as connections made with its own credentials.</summary>
internal sealed class MySqlSettings
{
    private const uint DefaultPort = 3306;
    private const string DefaultSocket = "/var/run/mysqld/mysqld.sock";

    // Strict, so that nothing is cut to fit; without NO_BACKSLASH_ESCAPES, because values are escaped with backslashes.
    // The server ends a statement nobody waits for any more: first one on a locked row, then one on a locked server.
    private const string Prepare =
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES', SESSION innodb_lock_wait_timeout = 1, SESSION lock_wait_timeout = 2";

    private readonly MySqlConnectionStringBuilder _builder;
    private readonly string _prepare;

    private MySqlSettings(MySqlConnectionStringBuilder builder, string prepare)
    {
        _builder = builder;
        _prepare = prepare;
    }

    /// <summary>Understands Django's DATABASES entry for the engine mysql, OPTIONS included. Deadlines are about one second.</summary>
    /// <exception cref="FormatException">Something is configured where this sidecar cannot see it; the message says what to do.</exception>
    public static MySqlSettings Of(DatabaseDescription database)
    {
        foreach (var name in (string[])["read_default_file", "read_default_group"])
        {
            if (Text(database, name) is not null)
            {
                throw new FormatException(
                    $"the app's database settings come from a MySQL option file ({name}), which the sidecar does not see; "
                    + "write host, user and password into the app's own settings to have sessions kept");
            }
        }

        var builder = new MySqlConnectionStringBuilder
        {
            Server = Server(database),
            Port = database.Port is > 0 and <= ushort.MaxValue and { } port ? (uint)port : DefaultPort,
            Database = database.Name,
            UserID = database.User,
            Password = database.Password,
            ConnectionTimeout = 1,
            DefaultCommandTimeout = 1,
            CancellationTimeout = 1,
            MaximumPoolSize = 4,
            ConnectionIdleTimeout = 10,
            // An update to equal values has found its row, and says so.
            UseAffectedRows = false,
            AutoEnlist = false,
            // For the app's init_command only.
            AllowUserVariables = true,
            ServerRedirectionMode = MySqlServerRedirectionMode.Disabled,
            ApplicationName = "session-operator",
        };
        Secure(builder, database);
        return new MySqlSettings(builder, Text(database, "init_command") is { Length: > 0 } init ? init.TrimEnd(' ', ';') + "; " + Prepare : Prepare);
    }

    /// <summary>A pool of at most four connections.</summary>
    /// <exception cref="MySqlException">The unix socket is not there.</exception>
    public MySqlDataSource Pool() => new(_builder.ConnectionString);

    /// <summary>A source whose every connection is a fresh one.</summary>
    /// <exception cref="MySqlException">The unix socket is not there.</exception>
    public MySqlDataSource Fresh() =>
        new(new MySqlConnectionStringBuilder(_builder.ConnectionString) { Pooling = false }.ConnectionString);

    /// <summary>Opens a connection whose session is as <see cref="MySqlRows"/> and the prober need it.</summary>
    public async Task<MySqlConnection> OpenAsync(MySqlDataSource source, CancellationToken cancel)
    {
        var connection = await source.OpenConnectionAsync(cancel);
        try
        {
            await using var prepare = new MySqlCommand(_prepare, connection);
            await prepare.ExecuteNonQueryAsync(cancel);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>A parameter's value: text for the column's own conversion, 1 and 0 for booleans, bytes for binary columns.</summary>
    public static object Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => ColumnValue.Of(value) ?? DBNull.Value,
    };

    public static string Quote(string identifier) => "`" + identifier.Replace("`", "``", StringComparison.Ordinal) + "`";

    /// <summary>Django writes a table in another database as <c>other`.`table</c>; either way each part is quoted once.</summary>
    public static string QuoteTable(string table) =>
        string.Join('.', table.Split("`.`").Select(part => Quote(part.Trim('`'))));

    // The C client, which most apps use, takes "localhost" for the unix socket, and servers grant accordingly.
    private static string Server(DatabaseDescription database)
    {
        if (Text(database, "unix_socket") is { Length: > 0 } socket)
        {
            return socket;
        }

        var host = string.IsNullOrEmpty(database.Host) ? "localhost" : database.Host;
        return host == "localhost" && database.Port is null or 0 or (int)DefaultPort && File.Exists(DefaultSocket) ? DefaultSocket : host;
    }

    private static void Secure(MySqlConnectionStringBuilder builder, DatabaseDescription database)
    {
        var ssl = database.Options is { } options && options.TryGetValue("ssl", out var value) && value.ValueKind == JsonValueKind.Object
            ? value : default;
        var authority = PemFile(ssl, "ca");
        builder.SslMode = Text(database, "ssl_mode")?.ToUpperInvariant() switch
        {
            "DISABLED" => MySqlSslMode.Disabled,
            "REQUIRED" => MySqlSslMode.Required,
            "VERIFY_CA" => MySqlSslMode.VerifyCA,
            "VERIFY_IDENTITY" => MySqlSslMode.VerifyFull,
            null or "PREFERRED" when authority is not null => MySqlSslMode.VerifyCA,
            null or "PREFERRED" => ssl.ValueKind == JsonValueKind.Object ? MySqlSslMode.Required : MySqlSslMode.Preferred,
            var other => throw new FormatException(
                $"ssl_mode \"{other}\" of the app's database is not DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"),
        };
        builder.SslCa = authority;
        builder.SslCert = PemFile(ssl, "cert");
        builder.SslKey = PemFile(ssl, "key");
    }

    private static string? PemFile(JsonElement ssl, string name)
    {
        if (ssl.ValueKind != JsonValueKind.Object || !ssl.TryGetProperty(name, out var value) || value.GetString() is not { Length: > 0 } path)
        {
            return null;
        }

        return File.Exists(path) ? path : throw new FormatException(
            $"the app's database needs the file {path} (ssl.{name}), which the sidecar cannot read; mount it at the same path there");
    }

    private static string? Text(DatabaseDescription database, string name) =>
        database.Options is { } options && options.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;
}
