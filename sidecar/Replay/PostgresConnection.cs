using Npgsql;
using NpgsqlTypes;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>Turns what the app says of its database into an Npgsql connection, with deadlines a person would choose.</summary>
internal static class PostgresConnection
{
    /// <summary>Connection string for the app's own credentials; connect and command deadlines are one second.</summary>
    /// <exception cref="FormatException">Something is configured where this sidecar cannot see it; the message says what to do.</exception>
    public static string String(DatabaseDescription database, bool pooling)
    {
        foreach (var name in (string[])["service", "passfile"])
        {
            if (Option(database, name) is not null)
            {
                throw new FormatException(
                    $"the app's database settings come from a file of libpq's ({name}), which the sidecar does not see; "
                    + "write host, user and password into the app's own settings to have sessions kept");
            }
        }

        return new NpgsqlConnectionStringBuilder
        {
            Host = string.IsNullOrEmpty(database.Host) ? "/var/run/postgresql" : database.Host,
            Port = database.Port ?? 5432,
            Database = database.Name,
            Username = database.User,
            Password = database.Password,
            Timeout = 1,
            CommandTimeout = 1,
            CancellationTimeout = 200,
            Pooling = pooling,
            MaxPoolSize = 4,
            ConnectionIdleLifetime = 10,
            Enlist = false,
            ApplicationName = "session-operator",
            Options = Settings(database),
            // Npgsql looks for Kerberos once it is connected, and without it begins anew: each connection would cost the server another fork.
            GssEncryptionMode = GssEncryptionMode.Disable,
            // Of several hosts the one that fits is looked for each time: what was true of it seconds ago is what an outage changes.
            HostRecheckSeconds = 0,
            TargetSessionAttributes = Option(database, "target_session_attrs"),
            SslMode = Option(database, "sslmode") switch
            {
                null or "prefer" => SslMode.Prefer,
                "disable" => SslMode.Disable,
                "allow" => SslMode.Allow,
                "require" => SslMode.Require,
                "verify-ca" => SslMode.VerifyCA,
                "verify-full" => SslMode.VerifyFull,
                var other => throw new FormatException(
                    $"sslmode \"{other}\" of the app's database is not disable, allow, prefer, require, verify-ca or verify-full"),
            },
            // "system" are the authorities that this machine trusts, which are taken where none is named.
            RootCertificate = Option(database, "sslrootcert") is "system" ? null : PemFile(database, "sslrootcert"),
            SslCertificate = PemFile(database, "sslcert"),
            SslKey = PemFile(database, "sslkey"),
        }.ConnectionString;
    }

    /// <summary>
    /// What the app's sessions begin with, in the form of libpq's "options": without its search_path or its role we would write to
    /// another table than the app, or be refused. Null: nothing.
    /// </summary>
    public static string? Settings(DatabaseDescription database)
    {
        var settings = Option(database, "options");
        return Option(database, "assume_role") is { Length: > 0 } role
            ? $"{settings} -c role={role.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(" ", "\\ ", StringComparison.Ordinal)}".TrimStart()
            : settings;
    }

    /// <summary>A data source without the parts that need reflection.</summary>
    public static NpgsqlDataSource Source(string connectionString)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(connectionString);
        builder.EnableTransportSecurity();
        builder.EnableArrays();
        return builder.Build();
    }

    /// <summary>Text goes untyped, so that the column's own input function reads it; bytes go as bytea.</summary>
    public static NpgsqlParameter Parameter(object? value) => value switch
    {
        byte[] bytes => new NpgsqlParameter { Value = bytes, NpgsqlDbType = NpgsqlDbType.Bytea },
        string text => new NpgsqlParameter { Value = text, NpgsqlDbType = NpgsqlDbType.Unknown },
        _ => new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Unknown },
    };

    public static string Quote(string identifier) => "\"" + identifier.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    /// <summary>Django writes a table in another schema as <c>schema"."table</c>; either way each part is quoted once.</summary>
    public static string QuoteTable(string table) =>
        string.Join('.', table.Split("\".\"").Select(part => Quote(part.Trim('"'))));

    private static string? PemFile(DatabaseDescription database, string name) =>
        Option(database, name) is not { Length: > 0 } path ? null : File.Exists(path) ? path : throw new FormatException(
            $"the app's database needs the file {path} ({name}), which the sidecar cannot read; mount it at the same path there");

    private static string? Option(DatabaseDescription database, string name) =>
        database.Options is { } options && options.TryGetValue(name, out var value) && value.ValueKind == System.Text.Json.JsonValueKind.String
            ? value.GetString() : null;
}
