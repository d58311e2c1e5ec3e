namespace SessionOperator.Operator.Certificates;

/// <summary>What is stored, with the version a change of it must name.</summary>
/// <param name="Version">Null when nothing is stored yet.</param>
/// <param name="State">Empty when nothing is stored yet.</param>
public sealed record StoredCertificates(string? Version, CertificateState State);

/// <summary>The certificates can be neither read nor written at the moment, or not understood; the message says why.</summary>
public sealed class CertificateStoreException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Where all replicas keep the certificates. A compare-and-swap on the version decides whose rotation it is.</summary>
public interface ICertificateStore
{
    /// <exception cref="CertificateStoreException"/>
    Task<StoredCertificates> ReadAsync(CancellationToken cancellation);

    /// <summary>False when somebody else's write came first: read again.</summary>
    /// <param name="version">The version that is being replaced; null when nothing is stored yet.</param>
    /// <param name="next">What to store.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="CertificateStoreException"/>
    Task<bool> TryWriteAsync(string? version, CertificateState next, CancellationToken cancellation);
}
