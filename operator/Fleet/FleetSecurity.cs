using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Fleet;

/// <summary>What makes a fleet's streams trustworthy in both directions.</summary>
/// <param name="Identities">Finds out who a sidecar is; null: every sidecar is believed.</param>
/// <param name="Certificate">What the operator shows, and the bundle sidecars have to trust; null: there is no TLS.</param>
public sealed record FleetSecurity(IdentityCheck? Identities, ServedCertificate? Certificate)
{
    /// <summary>Loopback, as standalone: no TLS, no tokens.</summary>
    public static readonly FleetSecurity None = new(null, null);
}
