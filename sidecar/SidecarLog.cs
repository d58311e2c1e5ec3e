using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar;

/// <summary>Every line the sidecar logs. No session keys, no data, no credentials.</summary>
internal static partial class SidecarLog
{
    [LoggerMessage(1, LogLevel.Warning, "mode {Before} -> {After} (epoch {Epoch}, decided here: {Autonomous}) {Reason}")]
    public static partial void ModeChanged(this ILogger log, Mode before, Mode after, ulong epoch, bool autonomous, string reason);

    [LoggerMessage(2, LogLevel.Warning, "the operator at {Address} cannot be reached ({Error}); going on with what is in force, trying again at least every 2 s")]
    public static partial void OperatorUnreachable(this ILogger log, string address, string error);

    [LoggerMessage(3, LogLevel.Error, "the operator refused this sidecar: {Code}: {Message}")]
    public static partial void OperatorRefused(this ILogger log, string code, string message);

    [LoggerMessage(4, LogLevel.Information, "app announced: {Framework} {Version}, engine {Engine}, database {Database}, cache {Cache}; limit: {Limit}")]
    public static partial void AppAnnounced(this ILogger log, string framework, string version, string engine, string database, string cache, string limit);

    [LoggerMessage(5, LogLevel.Warning, "the shared cache: {Error}")]
    public static partial void CacheUnavailable(this ILogger log, string error);

    [LoggerMessage(6, LogLevel.Error, "{Bytes} bytes of the journal are damaged; every whole record was read, the file as found is kept as {Kept}")]
    public static partial void JournalDamaged(this ILogger log, int bytes, string kept);

    [LoggerMessage(7, LogLevel.Information, "the last {Bytes} bytes of the journal are an entry cut off by a crash, never acknowledged; removed")]
    public static partial void JournalTornTail(this ILogger log, int bytes);

    [LoggerMessage(8, LogLevel.Error, "the journal cannot be written: {Error}; session changes are refused until it can")]
    public static partial void JournalWriteFailed(this ILogger log, string error);

    [LoggerMessage(9, LogLevel.Warning, "replay paused: {Error}")]
    public static partial void ReplayFailed(this ILogger log, string error);

    [LoggerMessage(10, LogLevel.Warning, "a record was not written: {Reason}")]
    public static partial void RecordDropped(this ILogger log, string reason);

    [LoggerMessage(11, LogLevel.Error, "the database refuses the values of a record ({Error}); it stays in the journal until the sidecar restarts")]
    public static partial void RecordRefused(this ILogger log, string error);

    [LoggerMessage(12, LogLevel.Error, "{Path} failed: {Error}")]
    public static partial void RequestFailed(this ILogger log, string path, string error);

    [LoggerMessage(13, LogLevel.Information, "sidecar {Version} for {Database}: {Socket}, {Records} records in the journal")]
    public static partial void Started(this ILogger log, string version, string database, string socket, int records);

    [LoggerMessage(14, LogLevel.Error, "the database refuses the prober: {Detail}; the mode does not change because of it, but an outage will be noticed later")]
    public static partial void ProbeMisconfigured(this ILogger log, string detail);

    [LoggerMessage(15, LogLevel.Warning, "the shared cache lost its content or was away; every unsaved session change of this pod is published to it again")]
    public static partial void CacheLostItsContent(this ILogger log);

    [LoggerMessage(22, LogLevel.Warning, "no operator is connected, and another pod says in the shared cache that the database cannot be written: doing as it does")]
    public static partial void OutageFollowed(this ILogger log);

    [LoggerMessage(18, LogLevel.Error, "{Error}; the app of this pod runs without it, as if it were not injected")]
    public static partial void AdapterNotInstalled(this ILogger log, string error);

    [LoggerMessage(19, LogLevel.Warning, "port {Port} is taken; metrics are not served")]
    public static partial void MetricsPortTaken(this ILogger log, int port);

    [LoggerMessage(16, LogLevel.Error, "the authorities the operator sent are not kept ({Error}); after its next rotation this sidecar may not be able to connect")]
    public static partial void TrustNotKept(this ILogger log, string error);

    [LoggerMessage(17, LogLevel.Warning, "told to stop with {Count} unsaved session changes; handing them over, for at most {Grace}")]
    public static partial void Leaving(this ILogger log, int count, TimeSpan grace);

    [LoggerMessage(18, LogLevel.Error, "nobody takes the unsaved session changes ({Why}); trying again until the grace period ends")]
    public static partial void HandoverRefused(this ILogger log, string why);

    [LoggerMessage(19, LogLevel.Information, "every session change is in the database or kept by another sidecar")]
    public static partial void Left(this ILogger log);

    [LoggerMessage(20, LogLevel.Error, "leaving with {Count} unsaved session changes; they are only in this sidecar's journal: keep its volume and start a sidecar on it")]
    public static partial void LeftBehind(this ILogger log, long count);

    [LoggerMessage(21, LogLevel.Information, "kept {Count} unsaved session changes of a sidecar that is leaving")]
    public static partial void HandoverKept(this ILogger log, int count);
}
