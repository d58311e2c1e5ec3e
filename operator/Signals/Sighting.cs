namespace SessionOperator.Operator.Signals;

/// <summary>What was seen in Kubernetes; a label of the metrics, so the list stays short.</summary>
public enum SightingKind
{
    /// <summary>The primary pod was told to go.</summary>
    Terminating,

    /// <summary>It is gone without having been seen to go.</summary>
    PodGone,
    NotReady,
    RoleLost,
    RoleBack,

    /// <summary>Its database container has ended.</summary>
    ContainerDown,

    /// <summary>Its database container has ended and runs again.</summary>
    ContainerRestarted,

    /// <summary>The server itself says, in its pod's annotation, that something is wrong.</summary>
    Unwell,

    /// <summary>The Service has no ready endpoint any more.</summary>
    NoEndpoints,

    /// <summary>The primary's node is to be emptied, some time.</summary>
    NodeLeaving,

    /// <summary>A rollout has begun.</summary>
    Rollout,

    /// <summary>The database operator's own object announces.</summary>
    Announced,

    /// <summary>It no longer does.</summary>
    Withdrawn,
    Maintenance,
    MaintenanceOver,
    Drill,
    DrillOver,
}

/// <summary>Something seen in Kubernetes, and what it means for the decisions.</summary>
/// <param name="Kind">What.</param>
/// <param name="Subject">Of whom, for people: pod/orders-db-0.</param>
/// <param name="Words">Completes a sentence that begins with the subject.</param>
public sealed record Sighting(SightingKind Kind, string Subject, string Words)
{
    /// <summary>What the decisions hear; null when it only arms: nothing is wrong yet, and it may stay so for hours.</summary>
    public Signal? Signal { get; init; }

    /// <summary>Tells the pod from its successors, and one run of its container from the next; empty when no pod is meant.</summary>
    public string Instance { get; init; } = "";

    internal static Sighting Stopped(SightingKind kind, string subject, string words, DateTimeOffset now) =>
        Evidence(SignalKind.Stopped, kind, subject, words, now);

    internal static Sighting Suspect(SightingKind kind, string subject, string words, DateTimeOffset now) =>
        Evidence(SignalKind.Suspect, kind, subject, words, now);

    internal static Sighting Announced(
        SightingKind kind, string subject, string reporter, string words, DateTimeOffset now, DateTimeOffset expires, bool holds = false) =>
        new(kind, subject, words)
        {
            Signal = new Signal(SignalOrigin.Announcement, SignalKind.Announced, reporter, now)
            {
                ReporterName = subject,
                Detail = words,
                Expires = expires,
                Holds = holds,
            },
        };

    internal static Sighting Withdrawn(SightingKind kind, string subject, string reporter, string words, DateTimeOffset now) =>
        new(kind, subject, words)
        {
            Signal = new Signal(SignalOrigin.Announcement, SignalKind.Withdrawn, reporter, now) { ReporterName = subject, Detail = words },
        };

    private static Sighting Evidence(SignalKind signal, SightingKind kind, string subject, string words, DateTimeOffset now) =>
        new(kind, subject, words)
        {
            Signal = new Signal(SignalOrigin.Kubernetes, signal, subject, now) { Detail = words },
        };
}
