namespace SessionOperator.Operator.Signals;

/// <summary>Where a signal was made.</summary>
public enum SignalOrigin
{
    /// <summary>A committed session write on a fresh connection, or its failure.</summary>
    Probe,

    /// <summary>A session save of an app that the database refused.</summary>
    App,

    /// <summary>Somebody said beforehand that the database will go: a drain, a maintenance, a drill.</summary>
    Announcement,

    /// <summary>What Kubernetes says of the database's pods and Service.</summary>
    Kubernetes,
}

/// <summary>What a signal says of the database.</summary>
public enum SignalKind
{
    Writable,
    ReadOnly,
    Unreachable,
    Deadline,

    /// <summary>Authentication, grant or schema errors: never changes the mode, sets a condition.</summary>
    Misconfigured,

    /// <summary>Too many connections: never changes the mode by itself, sets a condition.</summary>
    Saturated,

    /// <summary>The database will stop being writable soon.</summary>
    Announced,

    /// <summary>What the same reporter announced will not happen.</summary>
    Withdrawn,

    /// <summary>The only server that takes writes is not ready, not running or gone: enough to flip at once.</summary>
    Stopped,

    /// <summary>Something that often goes with an outage: confirms a failed probe, does nothing alone.</summary>
    Suspect,
}

/// <summary>One observation about the database, with its source and time.</summary>
/// <param name="Origin">Where it was made.</param>
/// <param name="Kind">What it says.</param>
/// <param name="Reporter">Who says so: the sidecar's id, or the name of the announcing object.</param>
/// <param name="At">When the observation was made (not when it was heard).</param>
public sealed record Signal(SignalOrigin Origin, SignalKind Kind, string Reporter, DateTimeOffset At)
{
    /// <summary>When the operator heard of it; never before <see cref="At"/>.</summary>
    public DateTimeOffset HeardAt { get; init; } = At;

    /// <summary>The reporter's name for people.</summary>
    public string ReporterName { get; init; } = Reporter;

    /// <summary>Error class and code as the driver said it, or what was announced; one line, no data.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Tells one server process from its successor; set by a passed probe, else empty.</summary>
    public string ServerIdentity { get; init; } = "";

    /// <summary>Until when an announcement holds if nothing confirms it.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>An announcement that only its end or its withdrawal ends: another server being writable does not.</summary>
    public bool Holds { get; init; }

    /// <summary>The reporter was one of the chosen probers when it said so.</summary>
    public bool FromProber { get; init; }

    /// <summary>The database did not take a write.</summary>
    public bool IsDown => Kind is SignalKind.ReadOnly or SignalKind.Unreachable or SignalKind.Deadline
        or SignalKind.Stopped or SignalKind.Suspect;
}
