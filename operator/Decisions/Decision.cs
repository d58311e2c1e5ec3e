namespace SessionOperator.Operator.Decisions;

/// <summary>Why a transition happened; a label in the metrics, so the list stays short.</summary>
public enum Cause
{
    Started,
    Rebuilt,
    Proven,
    Confirmed,
    Observed,
    Announced,
    FirstSuccess,
    FailedAgain,
    Recovered,
    Drained,
    DrainDeadline,
}

/// <summary>What is believed and what the apps are told, numbered.</summary>
/// <param name="Epoch">Grows by one with every transition of (phase, mode).</param>
/// <param name="Phase">What we believe of the database.</param>
/// <param name="Mode">What the apps are told.</param>
/// <param name="Cause">Why, as a word.</param>
/// <param name="Reason">Why, for people, one line.</param>
/// <param name="Since">When it was decided.</param>
/// <param name="LastNormalEpoch">The newest epoch whose mode was Normal, this one included.</param>
public sealed record Decision(
    ulong Epoch, Phase Phase, Mode Mode, Cause Cause, string Reason, DateTimeOffset Since, ulong LastNormalEpoch)
{
    /// <summary>When the first signal that led here was made; null when no signal did.</summary>
    public DateTimeOffset? FirstSignalAt { get; init; }
}

/// <summary>An announced event that is being waited out.</summary>
/// <param name="Reporter">Who announced it.</param>
/// <param name="At">When.</param>
/// <param name="Until">When it counts as not having happened.</param>
/// <param name="DoomedServer">Identity of the server that will go; empty while no probe has told it.</param>
public sealed record AnnouncedEvent(string Reporter, DateTimeOffset At, DateTimeOffset Until, string DoomedServer)
{
    /// <summary>Waited out to its end, whatever server is writable meanwhile: a maintenance, a drill.</summary>
    public bool Holds { get; init; }
}
