using Npgsql;
using NpgsqlTypes;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Probing;

/// <summary>
/// Upserts an already-expired sentinel row into the session table with the app's own credentials, on a connection
/// opened for it. Flags such as pg_is_in_recovery explain; only a commit proves.
/// </summary>
internal sealed class PostgresProbe : IDatabaseProbe
{
    /// <summary>The key of the sentinel row: not one a framework could make.</summary>
    public const string SentinelKey = "session-operator-probe";

    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(1500);

    private readonly string _connectionString;
    private readonly string _sql;
    private readonly object?[] _values;

    public PostgresProbe(DatabaseDescription database, StoreDescription store)
    {
        _connectionString = PostgresConnection.String(database, pooling: false);
        var columns = (store.Sentinel ?? []).ToList();
        _values = [.. columns.Select(c => ColumnValue.Of(c.Value))];
        var names = string.Concat(columns.Select(c => ", " + PostgresConnection.Quote(c.Key)));
        var places = string.Concat(columns.Select((_, i) => $", ${i + 2}"));
        var key = PostgresConnection.Quote(store.KeyColumn);
        var expiry = PostgresConnection.Quote(store.ExpiryColumn);
        _sql = $"INSERT INTO {PostgresConnection.QuoteTable(store.Table)} ({key}{names}) VALUES ($1{places}) "
            + $"ON CONFLICT ({key}) DO UPDATE SET {expiry} = EXCLUDED.{expiry}";
    }

    public async Task<ProbeResult> ProbeAsync(CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var work = WriteAsync(deadline.Token);
        // Npgsql answers a cancellation by asking the server to cancel, which a hung server does not answer: do not wait for it.
        if (await Task.WhenAny(work, Task.Delay(Deadline, cancel)) != work)
        {
            deadline.Cancel();
            cancel.ThrowIfCancellationRequested();
            return new ProbeResult(Evidence.Types.Verdict.Deadline, "no answer", "", ModeController.Now);
        }

        return await work;
    }

    private async Task<ProbeResult> WriteAsync(CancellationToken cancel)
    {
        try
        {
            await using var source = PostgresConnection.Source(_connectionString);
            await using var connection = await source.OpenConnectionAsync(cancel);
            var warned = false;
            connection.Notice += (_, notice) => warned |= notice.Notice.InvariantSeverity == "WARNING";
            await using var write = new NpgsqlCommand(_sql, connection);
            write.Parameters.Add(new NpgsqlParameter { Value = SentinelKey, NpgsqlDbType = NpgsqlDbType.Unknown });
            foreach (var value in _values)
            {
                write.Parameters.Add(PostgresConnection.Parameter(value));
            }

            await write.ExecuteNonQueryAsync(cancel);
            if (warned)
            {
                // A commit that was not replicated as configured reports success with a warning.
                return new ProbeResult(Evidence.Types.Verdict.Deadline, "commit with a warning", "", ModeController.Now);
            }

            await using var who = new NpgsqlCommand(
                "SELECT pg_postmaster_start_time()::text || ' ' || coalesce(inet_server_addr()::text, 'local')", connection);
            var identity = (string?)await who.ExecuteScalarAsync(cancel) ?? "";
            return new ProbeResult(Evidence.Types.Verdict.Writable, "", identity, ModeController.Now);
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or IOException
            or TimeoutException or OperationCanceledException or ArgumentException or NotSupportedException)
        {
            return new ProbeResult(PostgresVerdict.Of(e), PostgresVerdict.Detail(e), "", ModeController.Now);
        }
    }
}
