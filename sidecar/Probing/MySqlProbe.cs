using System.Security.Authentication;
using MySqlConnector;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;
using static SessionOperator.Sidecar.Replay.MySqlSettings;

namespace SessionOperator.Sidecar.Probing;

/// <summary>
/// Writes an already-expired sentinel row into the session table and deletes it again, in one transaction, with the app's own
/// credentials, on a connection opened for it. Flags such as read_only explain; only a commit proves, and a global read lock shows in no flag.
/// </summary>
internal sealed class MySqlProbe : IDatabaseProbe
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(1500);

    private readonly MySqlSettings _settings;
    private readonly string _sql;
    private readonly object[] _values;

    public MySqlProbe(MySqlSettings settings, StoreDescription store)
    {
        _settings = settings;
        var columns = (store.Sentinel ?? []).ToList();
        _values = [.. columns.Select(c => Value(c.Value))];
        var names = string.Concat(columns.Select(c => ", " + Quote(c.Key)));
        var places = string.Concat(columns.Select((_, i) => $", @c{i}"));
        var (table, key) = (QuoteTable(store.Table), Quote(store.KeyColumn));
        // One message, so that the server ends the transaction by itself: a prober that is cut off must not leave its locks behind.
        _sql = $"START TRANSACTION; INSERT INTO {table} ({key}{names}) VALUES (@key{places}); DELETE FROM {table} WHERE {key} = @key; COMMIT";
    }

    public async Task<ProbeResult> ProbeAsync(bool fresh, CancellationToken cancel)
    {
        // Given up, it ends by limits of its own: MySqlConnector then has the server end the statement, on another connection,
        // because a hung server must not be left with one statement for each probe.
        var work = WriteAsync(cancel);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (await Task.WhenAny(work, Task.Delay(Deadline, timer.Token)) == work)
        {
            await timer.CancelAsync();
            return await work;
        }

        cancel.ThrowIfCancellationRequested();
        return new ProbeResult(Evidence.Types.Verdict.Deadline, "no answer", "", ModeController.Now);
    }

    private async Task<ProbeResult> WriteAsync(CancellationToken cancel)
    {
        try
        {
            await using var source = _settings.Fresh();
            await using var connection = await _settings.OpenAsync(source, cancel);
            await using var write = new MySqlCommand(_sql, connection) { CommandTimeout = 2 };
            write.Parameters.AddWithValue("@key", SentinelKey.New());
            for (var i = 0; i < _values.Length; i++)
            {
                write.Parameters.AddWithValue($"@c{i}", _values[i]);
            }

            await write.ExecuteNonQueryAsync(cancel);
            await using var who = new MySqlCommand(Identity(connection), connection);
            var identity = Convert.ToString(await who.ExecuteScalarAsync(cancel), System.Globalization.CultureInfo.InvariantCulture);
            return new ProbeResult(Evidence.Types.Verdict.Writable, "", identity ?? "", ModeController.Now);
        }
        catch (Exception e) when (e is MySqlException or System.Net.Sockets.SocketException or IOException or TimeoutException
            or OperationCanceledException or AuthenticationException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            return new ProbeResult(MySqlVerdict.Of(e), MySqlVerdict.Detail(e), "", ModeController.Now);
        }
    }

    // Both numbers are of this statement's start, so their difference is the server's start to the second, without jitter.
    private static string Identity(MySqlConnection connection)
    {
        var maria = connection.ServerVersion.Contains("MariaDB", StringComparison.OrdinalIgnoreCase);
        var (id, schema) = maria ? ("@@server_id", "information_schema") : ("@@server_uuid", "performance_schema");
        return $"SELECT CONCAT_WS(' ', FROM_UNIXTIME(UNIX_TIMESTAMP() - VARIABLE_VALUE), @@hostname, @@port, {id}) "
            + $"FROM {schema}.global_status WHERE VARIABLE_NAME = 'Uptime'";
    }
}
