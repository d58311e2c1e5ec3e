using System.Security.Cryptography;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar.Probing;

/// <summary>The outcome of one probe.</summary>
/// <param name="Verdict">What it says of the database.</param>
/// <param name="Detail">Error class and code; never values.</param>
/// <param name="Identity">What tells the server process from its successor; empty unless a write was committed.</param>
/// <param name="At">When it ended, on the controller's clock.</param>
internal sealed record ProbeResult(Evidence.Types.Verdict Verdict, string Detail, string Identity, TimeSpan At)
{
    public bool Down => Verdict is Evidence.Types.Verdict.ReadOnly or Evidence.Types.Verdict.Unreachable or Evidence.Types.Verdict.Deadline;

    /// <summary>The server answers queries, whether or not it takes writes.</summary>
    public bool Readable => Verdict is Evidence.Types.Verdict.ReadOnly or Evidence.Types.Verdict.Writable;
}

/// <summary>
/// The key of the row a probe writes and deletes again. Each probe has its own, so that none waits for another's lock, nor for what is
/// left of the one before. None is a key a framework could make.
/// </summary>
internal static class SentinelKey
{
    public const string Prefix = "session-operator-probe-";

    public static string New() => Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
}

/// <summary>Commits a session write, or says why it could not even on a fresh connection.</summary>
internal interface IDatabaseProbe
{
    /// <summary>Never throws for what a database can do; ends within the deadline even if the server hangs.</summary>
    /// <param name="fresh">On a connection of its own; else one from an earlier probe will do.</param>
    /// <param name="cancel">Nobody waits for the result any more.</param>
    Task<ProbeResult> ProbeAsync(bool fresh, CancellationToken cancel);
}
