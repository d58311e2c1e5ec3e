using Npgsql;
using NpgsqlTypes;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Probing;

/// <summary>
/// Writes an already-expired sentinel row into the session table and deletes it again, in one transaction, with the app's own
/// credentials, on a connection opened for it. Flags such as pg_is_in_recovery explain; only a commit proves. While all is well every other probe reuses
/// the last connection, which halves the cost; whatever it meets there is asked again on a fresh one.
/// </summary>
internal sealed class PostgresProbe : IDatabaseProbe, IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(1500);

    private const string Who = "SELECT pg_postmaster_start_time()::text || ' ' || coalesce(inet_server_addr()::text, 'local')";

    private readonly NpgsqlDataSource _source;
    private readonly string _write;
    private readonly string _delete;
    private readonly object?[] _values;
    private NpgsqlConnection? _kept;

    public PostgresProbe(DatabaseDescription database, StoreDescription store)
    {
        _source = PostgresConnection.Source(PostgresConnection.String(database, pooling: false));
        var columns = (store.Sentinel ?? []).ToList();
        _values = [.. columns.Select(c => ColumnValue.Of(c.Value))];
        var names = string.Concat(columns.Select(c => ", " + PostgresConnection.Quote(c.Key)));
        var places = string.Concat(columns.Select((_, i) => $", ${i + 2}"));
        var key = PostgresConnection.Quote(store.KeyColumn);
        var table = PostgresConnection.QuoteTable(store.Table);
        _write = $"INSERT INTO {table} ({key}{names}) VALUES ($1{places})";
        _delete = $"DELETE FROM {table} WHERE {key} = $1";
    }

    public async Task<ProbeResult> ProbeAsync(CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var work = WriteAsync(deadline.Token);
        // Npgsql answers a cancellation by asking the server to cancel, which a hung server does not answer: do not wait for it.
        var ended = await Task.WhenAny(work, Task.Delay(Deadline, deadline.Token)) == work;
        deadline.Cancel();
        if (ended)
        {
            return await work;
        }

        cancel.ThrowIfCancellationRequested();
        return new ProbeResult(Evidence.Types.Verdict.Deadline, "no answer", "", ModeController.Now);
    }

    public async ValueTask DisposeAsync()
    {
        if (_kept is not null)
        {
            await _kept.DisposeAsync();
        }

        await _source.DisposeAsync();
    }

    private async Task<ProbeResult> WriteAsync(CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _kept, null) is { } kept)
        {
            await using (kept)
            {
                if (await WriteOnAsync(kept, cancel) is { Verdict: Evidence.Types.Verdict.Writable } again)
                {
                    return again;
                }
            }
        }

        NpgsqlConnection connection;
        try
        {
            connection = await _source.OpenConnectionAsync(cancel);
        }
        catch (Exception e) when (IsAnswer(e))
        {
            return Failed(e);
        }

        var result = await WriteOnAsync(connection, cancel);
        if (result.Verdict == Evidence.Types.Verdict.Writable && !cancel.IsCancellationRequested)
        {
            _kept = connection;
        }
        else
        {
            await connection.DisposeAsync();
        }

        return result;
    }

    private async Task<ProbeResult> WriteOnAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        var warned = false;
        void Hear(object sender, NpgsqlNoticeEventArgs notice) => warned |= notice.Notice.InvariantSeverity == "WARNING";
        connection.Notice += Hear;
        try
        {
            // One transaction, which the server ends by itself: were the commit a message of its own, a prober that is cut off before
            // it would leave its locks behind.
            await using var batch = new NpgsqlBatch(connection);
            var key = SentinelKey.New();
            batch.BatchCommands.Add(Command(_write, key, _values));
            batch.BatchCommands.Add(Command(_delete, key, []));
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Who));
            var identity = "";
            await using (var reader = await batch.ExecuteReaderAsync(cancel))
            {
                identity = await reader.ReadAsync(cancel) ? reader.GetString(0) : "";
                while (await reader.NextResultAsync(cancel))
                {
                }
            }

            if (warned)
            {
                // A commit that was not replicated as configured reports success with a warning.
                return new ProbeResult(Evidence.Types.Verdict.Deadline, "commit with a warning", "", ModeController.Now);
            }

            return new ProbeResult(Evidence.Types.Verdict.Writable, "", identity, ModeController.Now);
        }
        catch (Exception e) when (IsAnswer(e))
        {
            return Failed(e);
        }
        finally
        {
            connection.Notice -= Hear;
        }
    }

    private static NpgsqlBatchCommand Command(string sql, string key, object?[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.Add(new NpgsqlParameter { Value = key, NpgsqlDbType = NpgsqlDbType.Unknown });
        foreach (var value in values)
        {
            command.Parameters.Add(PostgresConnection.Parameter(value));
        }

        return command;
    }

    private static bool IsAnswer(Exception e) => e is NpgsqlException or System.Net.Sockets.SocketException or IOException
        or TimeoutException or OperationCanceledException or ArgumentException or NotSupportedException or InvalidOperationException;

    private static ProbeResult Failed(Exception e) => new(PostgresVerdict.Of(e), PostgresVerdict.Detail(e), "", ModeController.Now);
}
