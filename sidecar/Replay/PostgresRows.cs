using Npgsql;
using NpgsqlTypes;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Sessions;
using static SessionOperator.Sidecar.Replay.PostgresConnection;

namespace SessionOperator.Sidecar.Replay;

/// <summary>Session rows in PostgreSQL, written with the app's own credentials. Text goes untyped: columns keep their own types.</summary>
internal sealed class PostgresRows(DatabaseDescription database, StoreDescription store) : IRowStore, IAsyncDisposable
{
    private readonly NpgsqlDataSource _source = Source(String(database, pooling: true));
    private readonly string _table = QuoteTable(store.Table);
    private readonly string _key = Quote(store.KeyColumn);
    private readonly string _data = Quote(store.DataColumn);
    private readonly string _expiry = Quote(store.ExpiryColumn);

    public Task<Dictionary<string, string>> ReadAsync(IReadOnlyCollection<string> keys, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            await using var command = new NpgsqlCommand($"SELECT {_key}, {_data} FROM {_table} WHERE {_key} = ANY ($1)", connection);
            command.Parameters.Add(Keys(keys));
            await using var reader = await command.ExecuteReaderAsync(cancel);
            var rows = new Dictionary<string, string>(StringComparer.Ordinal);
            while (await reader.ReadAsync(cancel))
            {
                rows[reader.GetString(0)] = reader.GetString(1);
            }

            return rows;
        }, cancel);

    public Task DeleteAsync(IReadOnlyCollection<string> keys, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            await using var command = new NpgsqlCommand($"DELETE FROM {_table} WHERE {_key} = ANY ($1)", connection);
            command.Parameters.Add(Keys(keys));
            return await command.ExecuteNonQueryAsync(cancel);
        }, cancel);

    public Task<bool[]> ApplyAsync(IReadOnlyList<RowChange> changes, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            await using var batch = new NpgsqlBatch(connection);
            foreach (var change in changes)
            {
                batch.BatchCommands.Add(Command(change));
            }

            // One batch is one implicit transaction: all or none.
            await batch.ExecuteNonQueryAsync(cancel);
            return Enumerable.Range(0, changes.Count).Select(i => batch.BatchCommands[i].RecordsAffected > 0).ToArray();
        }, cancel);

    public Task UpdateAsync(RowUpdate update, CancellationToken cancel) =>
        RunAsync(async connection =>
        {
            var columns = update.Columns.ToList();
            var sets = string.Join(", ", columns.Select((c, i) => $"{Quote(c.Key)} = ${i + 2}"));
            var older = string.Join(" AND ", columns.Select((c, i) => $"({Quote(c.Key)} IS NULL OR {Quote(c.Key)} < ${i + 2})"));
            await using var command = new NpgsqlCommand(
                $"UPDATE {QuoteTable(update.Table)} SET {sets} WHERE {Quote(update.KeyColumn)} = $1 AND {older}", connection);
            command.Parameters.Add(Parameter(ColumnValue.Of(update.Key)));
            columns.ForEach(c => command.Parameters.Add(Parameter(ColumnValue.Of(c.Value))));
            return await command.ExecuteNonQueryAsync(cancel);
        }, cancel);

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private NpgsqlBatchCommand Command(RowChange change)
    {
        var record = change.Record;
        var columns = record.Columns!.ToList();
        var command = new NpgsqlBatchCommand();
        command.Parameters.Add(Parameter(record.Key));
        switch (change.Action)
        {
            case RowAction.Insert:
                var names = string.Concat(columns.Select(c => ", " + Quote(c.Key)));
                var places = string.Concat(columns.Select((_, i) => $", ${i + 2}"));
                command.CommandText = $"INSERT INTO {_table} ({_key}{names}) VALUES ($1{places}) ON CONFLICT ({_key}) DO NOTHING";
                columns.ForEach(c => command.Parameters.Add(Parameter(ColumnValue.Of(c.Value))));
                break;
            case RowAction.Write:
                var sets = string.Join(", ", columns.Select((c, i) => $"{Quote(c.Key)} = ${i + 3}"));
                command.CommandText = $"UPDATE {_table} SET {sets} WHERE {_key} = $1 AND {_data} = $2";
                command.Parameters.Add(Parameter(change.Read));
                columns.ForEach(c => command.Parameters.Add(Parameter(ColumnValue.Of(c.Value))));
                break;
            case RowAction.MoveExpiry:
                command.CommandText = $"UPDATE {_table} SET {_expiry} = $2 WHERE {_key} = $1 AND {_expiry} < $2 AND {_data} = $3";
                command.Parameters.Add(Parameter(ColumnValue.Of(record.Columns![store.ExpiryColumn])));
                command.Parameters.Add(Parameter(change.Read));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change.Action, "not a change");
        }

        return command;
    }

    private static NpgsqlParameter Keys(IReadOnlyCollection<string> keys) =>
        new() { Value = keys.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    private async Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            await using var connection = await _source.OpenConnectionAsync(cancel);
            return await work(connection);
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or IOException or TimeoutException)
        {
            var verdict = PostgresVerdict.Of(e);
            throw new RowStoreException(
                "the database did not take it: " + PostgresVerdict.Detail(e), verdict != Evidence.Types.Verdict.Misconfigured, e);
        }
    }
}
