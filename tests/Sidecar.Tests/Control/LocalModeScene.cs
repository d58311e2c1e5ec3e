using SessionOperator.Sidecar.Control;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>States of one pod that tests of its mode begin with.</summary>
internal static class LocalModeScene
{
    public static readonly LocalMode Started = new() { CanProbe = true };
    public static readonly LocalMode Solitary = new() { CanProbe = true, Solitary = true };

    public static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    public static Held Says(
        ulong epoch, Mode mode, double leaseEnds = 100, bool settled = true, uint fleet = 2, Mode fallback = Mode.Cache) =>
        new(epoch, Phase.Unknown, mode, "because", At(leaseEnds), settled, fleet, epoch, fallback);

    public static LocalMode Drained() =>
        Started.Down(Verdict.Unreachable, At(0)).Up(At(10)).Up(At(10.5)).Up(At(11));

    /// <summary>Heard after a second.</summary>
    public static LocalMode Obey(this LocalMode mode, Held decision) => mode.Obey(decision, TimeSpan.FromSeconds(1));
}
