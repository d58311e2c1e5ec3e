using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Fleet;

/// <summary>What a controller's loop takes in, one at a time.</summary>
internal abstract record Input
{
    internal sealed record Joined(Connection Connection, Hello Hello) : Input;

    internal sealed record Left(Connection Connection) : Input;

    internal sealed record Acked(Connection Connection, ulong Epoch) : Input;

    internal sealed record Reported(Connection Connection, Status Status) : Input;

    /// <param name="Connection">Null for signals that no sidecar sent.</param>
    /// <param name="Signal">The signal.</param>
    internal sealed record Seen(Connection? Connection, Signal Signal) : Input;

    /// <summary>Only wakes the loop: what it has to look at lies elsewhere.</summary>
    internal sealed record Nothing : Input
    {
        public static readonly Nothing Instance = new();
    }

    internal sealed record Repoliced(Policy Policy) : Input;

    /// <summary>The database is not served any more: its streams end.</summary>
    internal sealed record Closing(string Reason) : Input;
}
