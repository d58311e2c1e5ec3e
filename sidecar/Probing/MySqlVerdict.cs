using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using MySqlConnector;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar.Probing;

/// <summary>What an exception of MySqlConnector says of the database (numbers: MySQL's and MariaDB's error references).</summary>
internal static class MySqlVerdict
{
    public static Evidence.Types.Verdict Of(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case MySqlException { ErrorCode: MySqlErrorCode.CommandTimeoutExpired }:
                    return Evidence.Types.Verdict.Deadline;
                // The client's own: its cause, further in, says more.
                case MySqlException { ErrorCode: MySqlErrorCode.None or MySqlErrorCode.UnableToConnectToHost }:
                    break;
                case MySqlException mysql:
                    return OfErrno(mysql.Number);
                case AuthenticationException:
                    return Evidence.Types.Verdict.Misconfigured;
                case TimeoutException or OperationCanceledException:
                    return Evidence.Types.Verdict.Deadline;
                case SocketException or IOException:
                    return Evidence.Types.Verdict.Unreachable;
            }
        }

        return exception is MySqlException ? Evidence.Types.Verdict.Unreachable : Evidence.Types.Verdict.Misconfigured;
    }

    public static Evidence.Types.Verdict OfErrno(int errno) => errno switch
    {
        // Option read_only and its kin, read-only transaction, innodb_read_only (two forms), our own FLUSH TABLES WITH READ LOCK.
        1290 or 1792 or 1836 or 1036 or 1223 => Evidence.Types.Verdict.ReadOnly,
        // No connection, lost connection, shutdown, killed, Galera node not ready, offline_mode, group replication out of quorum.
        2002 or 2003 or 2006 or 2013 or 2055 or 1042 or 1053 or 1927 or 1047 or 3032 or 3100
            or 1152 or 1158 or 1159 or 1160 or 1161 => Evidence.Types.Verdict.Unreachable,
        // Disk full, table full, out of memory.
        1021 or 1114 or 1037 or 1041 => Evidence.Types.Verdict.Unreachable,
        1040 or 1203 or 1226 => Evidence.Types.Verdict.Saturated,
        // The sentinel row is locked or the statement was cut: no word about the database as a whole.
        1205 or 1206 or 1213 or 1020 or 1317 or 1969 or 3024 or 3101 => Evidence.Types.Verdict.Saturated,
        _ => Evidence.Types.Verdict.Misconfigured,
    };

    /// <summary>The number, or the error's kind, for people; no message, which may hold values.</summary>
    public static string Detail(Exception exception)
    {
        var number = 0;
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is SocketException socket)
            {
                return socket.SocketErrorCode.ToString();
            }

            if (e is MySqlException { Number: > 0 } mysql)
            {
                number = mysql.Number;
            }
        }

        return number > 0 ? number.ToString(CultureInfo.InvariantCulture)
            : exception is MySqlException { ErrorCode: MySqlErrorCode.CommandTimeoutExpired } ? "no answer" : exception.GetType().Name;
    }
}
