namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>Why a watch or a list ended; a label of the metrics, so the list stays short.</summary>
public enum EndReason
{
    /// <summary>The server ended it when its time was over: normal.</summary>
    Closed,

    /// <summary>The server ended it at once and without a word.</summary>
    Empty,

    /// <summary>The connection broke.</summary>
    Reset,

    /// <summary>The connection is open and nothing comes.</summary>
    Silent,

    /// <summary>A list did not end.</summary>
    Stalled,

    /// <summary>410: the point to go on from is forgotten.</summary>
    Gone,

    /// <summary>What came is no event.</summary>
    Malformed,

    /// <summary>One line, or one page of a single object, is longer than is taken in.</summary>
    Oversized,

    /// <summary>429: asked to come back later.</summary>
    Throttled,

    /// <summary>5xx.</summary>
    ServerError,

    /// <summary>Nobody answers.</summary>
    Unreachable,

    /// <summary>401: who we are was not accepted.</summary>
    Unauthorized,

    /// <summary>403: we may not.</summary>
    Forbidden,

    /// <summary>404: the server knows no such kind.</summary>
    NotInstalled,

    /// <summary>Another 4xx: the question was wrong.</summary>
    Refused,

    /// <summary>Whoever takes in the events failed.</summary>
    Handler,
}

/// <summary>How a watch ended.</summary>
/// <param name="Reason">As a word.</param>
/// <param name="Detail">For people, one line.</param>
public sealed record WatchEnd(EndReason Reason, string Detail)
{
    /// <summary>How long the server asked to be left alone.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The server said so within a watch it had begun, not instead of it.</summary>
    public bool WithinStream { get; init; }

    /// <summary>
    /// What was missed cannot be had by going on from the last known point, or it cannot be known whether it can.
    /// </summary>
    public bool Relist => WithinStream || Reason is not (EndReason.Closed or EndReason.Empty or EndReason.Reset or EndReason.Unreachable
        or EndReason.Throttled or EndReason.ServerError or EndReason.Unauthorized or EndReason.Forbidden);
}

/// <summary>Ends a list or a watch from within.</summary>
internal sealed class WatchEndedException(WatchEnd end, Exception? cause = null) : Exception(end.Detail, cause)
{
    public WatchEndedException(EndReason reason, string detail, Exception? cause = null) : this(new WatchEnd(reason, detail), cause)
    {
    }

    public WatchEnd End => end;
}
