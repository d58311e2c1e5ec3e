using System.Security.Authentication;
using MySqlConnector;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Sessions;
using static SessionOperator.Sidecar.Replay.MySqlSettings;

namespace SessionOperator.Sidecar.Replay;

/// <summary>Session rows in MySQL or MariaDB, written with the app's own credentials.</summary>
internal sealed class MySqlRows(MySqlSettings settings, StoreDescription store) : IRowStore, IAsyncDisposable
{
    private const int MostStatements = 100;
    private const int MostChars = 512 * 1024;

    // Made when it is first needed: making one fails while a stopped server's unix socket is not there.
    private readonly Lazy<MySqlDataSource> _source = new(settings.Pool, LazyThreadSafetyMode.PublicationOnly);
    private readonly string _table = QuoteTable(store.Table);
    private readonly string _key = Quote(store.KeyColumn);
    private readonly string _expiry = Quote(store.ExpiryColumn);

    // As UTF-8 whatever the column's character set, so that it can be compared byte by byte.
    private readonly string _data = $"CONVERT({Quote(store.DataColumn)} USING utf8mb4)";

    public Task<Dictionary<string, string>> ReadAsync(IReadOnlyCollection<string> keys, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            var rows = new Dictionary<string, string>(StringComparer.Ordinal);
            await using var command = new MySqlCommand { Connection = connection };
            command.CommandText = $"SELECT {_key}, {_data} FROM {_table} WHERE {_key} IN ({Keys(command.Parameters, keys)})";
            await using var reader = await command.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
            {
                rows[reader.GetString(0)] = reader.GetString(1);
            }

            return rows;
        }, cancel);

    public Task DeleteAsync(IReadOnlyCollection<string> keys, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            await using var command = new MySqlCommand { Connection = connection };
            command.CommandText = $"DELETE FROM {_table} WHERE {_key} IN ({Keys(command.Parameters, keys)})";
            return await command.ExecuteNonQueryAsync(cancel);
        }, cancel);

    public Task<bool[]> ApplyAsync(IReadOnlyList<RowChange> changes, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            var changed = new bool[changes.Count];
            // In one order everywhere, so that two sidecars cannot wait for each other's rows.
            var order = Enumerable.Range(0, changes.Count).OrderBy(i => changes[i].Record.Key, StringComparer.Ordinal).ToList();
            // Gap locks would make inserts of different keys wait for each other.
            await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancel);
            foreach (var part in Parts(order, changes))
            {
                await using var batch = new MySqlBatch(connection, transaction) { Timeout = 1 };
                foreach (var i in part)
                {
                    batch.BatchCommands.Add(Command(changes[i]));
                    batch.BatchCommands.Add(new MySqlBatchCommand("SELECT ROW_COUNT()"));
                }

                await using var reader = await batch.ExecuteReaderAsync(cancel);
                foreach (var i in part)
                {
                    if (!await reader.ReadAsync(cancel))
                    {
                        throw new InvalidOperationException("the server did not say how many rows a statement changed");
                    }

                    changed[i] = reader.GetInt64(0) > 0;
                    await reader.NextResultAsync(cancel);
                }
            }

            await transaction.CommitAsync(cancel);
            return changed;
        }, cancel);

    public Task UpdateAsync(RowUpdate update, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            var columns = update.Columns.ToList();
            var sets = string.Join(", ", columns.Select((c, i) => $"{Quote(c.Key)} = @c{i}"));
            var older = string.Join(" AND ", columns.Select((c, i) => $"({Quote(c.Key)} IS NULL OR {Quote(c.Key)} < @c{i})"));
            await using var command = new MySqlCommand(
                $"UPDATE {QuoteTable(update.Table)} SET {sets} WHERE {Quote(update.KeyColumn)} = @key AND {older}", connection);
            command.Parameters.AddWithValue("@key", Value(update.Key));
            AddColumns(command.Parameters, columns);
            return await command.ExecuteNonQueryAsync(cancel);
        }, cancel);

    public ValueTask DisposeAsync() => _source.IsValueCreated ? _source.Value.DisposeAsync() : ValueTask.CompletedTask;

    private MySqlBatchCommand Command(RowChange change)
    {
        var record = change.Record;
        var columns = record.Columns!.ToList();
        var command = new MySqlBatchCommand();
        command.Parameters.AddWithValue("@key", record.Key);
        switch (change.Action)
        {
            case RowAction.Insert:
                // Neither IGNORE, which hides every error, nor ON DUPLICATE KEY, which counts a found row like a new one.
                var names = string.Concat(columns.Select(c => ", " + Quote(c.Key)));
                var places = string.Concat(columns.Select((_, i) => $", @c{i}"));
                command.CommandText = $"INSERT INTO {_table} ({_key}{names}) SELECT @key{places} FROM DUAL "
                    + $"WHERE NOT EXISTS (SELECT 1 FROM {_table} WHERE {_key} = @key)";
                AddColumns(command.Parameters, columns);
                break;
            case RowAction.Write:
                var sets = string.Join(", ", columns.Select((c, i) => $"{Quote(c.Key)} = @c{i}"));
                command.CommandText = $"UPDATE {_table} SET {sets} WHERE {_key} = @key AND CAST({_data} AS BINARY) = CAST(@read AS BINARY)";
                command.Parameters.AddWithValue("@read", change.Read);
                AddColumns(command.Parameters, columns);
                break;
            case RowAction.MoveExpiry:
                command.CommandText = $"UPDATE {_table} SET {_expiry} = @expiry WHERE {_key} = @key AND {_expiry} < @expiry "
                    + $"AND CAST({_data} AS BINARY) = CAST(@read AS BINARY)";
                command.Parameters.AddWithValue("@expiry", Value(record.Columns![store.ExpiryColumn]));
                command.Parameters.AddWithValue("@read", change.Read);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change.Action, "not a change");
        }

        return command;
    }

    // A part travels as one packet, and the server bounds those.
    private static IEnumerable<List<int>> Parts(List<int> order, IReadOnlyList<RowChange> changes)
    {
        var part = new List<int>();
        var chars = 0;
        foreach (var i in order)
        {
            var size = Size(changes[i]);
            if (part.Count == MostStatements || (part.Count > 0 && chars + size > MostChars))
            {
                yield return part;
                part = [];
                chars = 0;
            }

            part.Add(i);
            chars += size;
        }

        if (part.Count > 0)
        {
            yield return part;
        }
    }

    private static int Size(RowChange change) =>
        (change.Read?.Length ?? 0) + change.Record.Columns!.Sum(c => c.Value.GetRawText().Length);

    private static string Keys(MySqlParameterCollection parameters, IReadOnlyCollection<string> keys)
    {
        foreach (var key in keys)
        {
            parameters.AddWithValue($"@k{parameters.Count}", key);
        }

        return string.Join(", ", Enumerable.Range(0, parameters.Count).Select(i => $"@k{i}"));
    }

    private static void AddColumns(MySqlParameterCollection parameters, List<KeyValuePair<string, System.Text.Json.JsonElement>> columns)
    {
        for (var i = 0; i < columns.Count; i++)
        {
            parameters.AddWithValue($"@c{i}", Value(columns[i].Value));
        }
    }

    private async Task<T> RunAsync<T>(Func<MySqlConnection, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            await using var connection = await settings.OpenAsync(_source.Value, cancel);
            return await work(connection);
        }
        catch (Exception e) when (e is MySqlException or System.Net.Sockets.SocketException or IOException or TimeoutException
            or AuthenticationException or InvalidOperationException or InvalidCastException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            var verdict = MySqlVerdict.Of(e);
            throw new RowStoreException(
                "the database did not take it: " + MySqlVerdict.Detail(e), verdict != Evidence.Types.Verdict.Misconfigured, e);
        }
    }
}
