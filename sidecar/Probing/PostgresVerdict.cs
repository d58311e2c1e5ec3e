using System.Net.Sockets;
using Npgsql;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar.Probing;

/// <summary>What an Npgsql exception says of the database (SQLSTATE classes: PostgreSQL documentation, appendix A).</summary>
internal static class PostgresVerdict
{
    public static Evidence.Types.Verdict Of(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case PostgresException postgres:
                    return OfSqlState(postgres.SqlState);
                case TimeoutException or OperationCanceledException:
                    return Evidence.Types.Verdict.Deadline;
                case SocketException or IOException:
                    return Evidence.Types.Verdict.Unreachable;
            }
        }

        return exception is NpgsqlException ? Evidence.Types.Verdict.Unreachable : Evidence.Types.Verdict.Misconfigured;
    }

    public static Evidence.Types.Verdict OfSqlState(string state) => state switch
    {
        "25006" => Evidence.Types.Verdict.ReadOnly,
        "53300" => Evidence.Types.Verdict.Saturated,
        _ when state.StartsWith("08", StringComparison.Ordinal)
            || state.StartsWith("53", StringComparison.Ordinal)
            || state.StartsWith("57P", StringComparison.Ordinal)
            || state.StartsWith("58", StringComparison.Ordinal) => Evidence.Types.Verdict.Unreachable,
        // The sentinel row is locked or the statement was cut: no word about the database as a whole.
        "55P03" or "57014" or "40001" or "40P01" => Evidence.Types.Verdict.Saturated,
        _ => Evidence.Types.Verdict.Misconfigured,
    };

    /// <summary>Class and code for people; no message, which may hold values.</summary>
    public static string Detail(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is PostgresException postgres)
            {
                return postgres.SqlState;
            }

            if (e is SocketException socket)
            {
                return socket.SocketErrorCode.ToString();
            }
        }

        return exception.GetType().Name;
    }
}
