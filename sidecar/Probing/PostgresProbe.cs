using Npgsql;
using NpgsqlTypes;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Probing;

/// <summary>
/// Writes an already-expired sentinel row into the session table and deletes it again, in one transaction, with the app's own
/// credentials, on a connection opened for it. Flags such as pg_is_in_recovery explain; only a commit proves. While all is well every other probe writes on
/// the last connection: to open one costs the server fifty times as much. Whatever they meet there is asked again on a fresh one.
/// </summary>
internal sealed class PostgresProbe : IDatabaseProbe, IAsyncDisposable
{
    /// <summary>How many probes in a row may write on the same connection: a server that refuses new ones alone is met within two seconds.</summary>
    public const int LongestUse = 2;

    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(1500);

    private const string Who = "SELECT pg_postmaster_start_time()::text || ' ' || coalesce(inet_server_addr()::text, 'local')";

    private readonly NpgsqlDataSource _source;
    private readonly string _write;
    private readonly string _delete;
    private readonly object?[] _values;
    private Kept? _kept;

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

    public async Task<ProbeResult> ProbeAsync(bool fresh, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var work = WriteAsync(fresh, deadline.Token);
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
        if (_kept is { } kept)
        {
            await kept.Connection.DisposeAsync();
        }

        await _source.DisposeAsync();
    }

    private async Task<ProbeResult> WriteAsync(bool fresh, CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _kept, null) is { } kept)
        {
            if (!fresh && kept.Uses < LongestUse && await WriteOnAsync(kept.Connection, cancel) is { Verdict: Evidence.Types.Verdict.Writable } again)
            {
                await KeepAsync(kept with { Uses = kept.Uses + 1 }, cancel);
                return again;
            }

            await kept.Connection.DisposeAsync();
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
        if (result.Verdict == Evidence.Types.Verdict.Writable)
        {
            await KeepAsync(new Kept(connection, 1), cancel);
        }
        else
        {
            await connection.DisposeAsync();
        }

        return result;
    }

    private async Task KeepAsync(Kept kept, CancellationToken cancel)
    {
        // One that was given up may end when the next one has begun: it leaves nothing behind.
        if (cancel.IsCancellationRequested)
        {
            await kept.Connection.DisposeAsync();
        }
        else
        {
            _kept = kept;
        }
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

    private sealed record Kept(NpgsqlConnection Connection, int Uses);
}
