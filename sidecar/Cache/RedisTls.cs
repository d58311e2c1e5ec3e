using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SessionOperator.Sidecar.Cache;

/// <summary>TLS to Redis as redis-py's options have it.</summary>
/// <param name="Verify">Whether the server must show a certificate that a known authority signed.</param>
/// <param name="VerifyHost">Whether that certificate must be the host's.</param>
/// <param name="Authorities">PEM file of the authorities; null: the system's.</param>
/// <param name="Certificate">PEM file of the client's certificate; null: none.</param>
/// <param name="Key">PEM file of its key.</param>
internal sealed record RedisTls(bool Verify, bool VerifyHost, string? Authorities, string? Certificate, string? Key)
{
    /// <exception cref="FormatException">A file is not here.</exception>
    public static RedisTls Of(Func<string, string?> option)
    {
        var verify = option("ssl_cert_reqs")?.ToLowerInvariant() is not ("none" or "cert_none" or "0");
        // Older clients do not look at the name unless told to; who relies on that has to say so.
        var host = option("ssl_check_hostname")?.ToLowerInvariant() is not ("false" or "none" or "0");
        var certificate = PemFile(option("ssl_certfile"));
        return new RedisTls(verify, verify && host, PemFile(option("ssl_ca_certs")), certificate, PemFile(option("ssl_keyfile")) ?? certificate);
    }

    /// <summary>Whether the server may be talked to, given what the platform found wrong with its certificate.</summary>
    public bool Accepts(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (!Verify)
        {
            return true;
        }

        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable)
            || (VerifyHost && errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)))
        {
            return false;
        }

        if (Authorities is null)
        {
            return !errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors);
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        try
        {
            chain.ChainPolicy.CustomTrustStore.ImportFromPemFile(Authorities);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return false; // no authority can be read, so none vouches
        }

        using var shown = new X509Certificate2(certificate);
        return chain.Build(shown);
    }

    private static string? PemFile(string? path) => path is null or "" or "none" ? null
        : File.Exists(path) ? path
        : throw new FormatException($"the app's Redis cache needs the file {path}, which the sidecar cannot read; mount it at the same path there");
}
