namespace SessionOperator.Operator.Decisions;

/// <summary>What the user chose for one database, and the bounds the decisions keep.</summary>
/// <param name="Fallback">The mode apps take while the database is not writable: Cache or SkipSave.</param>
public sealed record Policy(Mode Fallback)
{
    /// <summary>Passed probes in a row before the database is believed again; 1 to 100.</summary>
    public int Successes { get; init; } = 3;

    /// <summary>How long those passed probes must span at least.</summary>
    public TimeSpan Dwell { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long Drain may last before Normal comes without everybody having finished.</summary>
    public TimeSpan DrainDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Two signals this far apart do not confirm one another.</summary>
    public TimeSpan ConfirmWindow { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>How long a flip waits for a prober that has not spoken since the first bad signal.</summary>
    public TimeSpan HearOut { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long the sidecars of an operator that was replaced are waited for; their longest pause before they connect again is 2 s.</summary>
    public TimeSpan Gather { get; init; } = TimeSpan.FromMilliseconds(2500);

    /// <summary>Leaving Normal this soon after it was reached is a flap.</summary>
    public TimeSpan FlapWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Each flap in a row doubles what recovery asks for, at most this often.</summary>
    public int MaxDoublings { get; init; } = 3;

    /// <param name="flaps">0 to <see cref="MaxDoublings"/>.</param>
    public int SuccessesNeeded(int flaps) => Successes << flaps;

    /// <param name="flaps">0 to <see cref="MaxDoublings"/>.</param>
    public TimeSpan DwellNeeded(int flaps) => Dwell * (1 << flaps);
}
