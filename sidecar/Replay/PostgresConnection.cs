using Npgsql;
using NpgsqlTypes;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Replay;

/// <summary>Turns what the app says of its database into an Npgsql connection, with deadlines a person would choose.</summary>
internal static class PostgresConnection
{
    /// <summary>Connection string for the app's own credentials; connect and command deadlines are one second.</summary>
    public static string String(DatabaseDescription database, bool pooling)
    {
        var builder = new NpgsqlConnectionStringBuilder
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
            SslMode = Option(database, "sslmode") switch
            {
                "disable" => SslMode.Disable,
                "allow" => SslMode.Allow,
                "require" => SslMode.Require,
                "verify-ca" => SslMode.VerifyCA,
                "verify-full" => SslMode.VerifyFull,
                _ => SslMode.Prefer,
            },
        };
        if (Option(database, "sslrootcert") is { } root)
        {
            builder.RootCertificate = root;
        }

        if (Option(database, "sslcert") is { } certificate)
        {
            builder.SslCertificate = certificate;
        }

        if (Option(database, "sslkey") is { } key)
        {
            builder.SslKey = key;
        }

        return builder.ConnectionString;
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

    private static string? Option(DatabaseDescription database, string name) =>
        database.Options is { } options && options.TryGetValue(name, out var value) && value.ValueKind == System.Text.Json.JsonValueKind.String
            ? value.GetString() : null;
}
