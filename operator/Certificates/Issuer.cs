using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SessionOperator.Operator.Certificates;

/// <summary>Makes authorities and serving certificates: ECDSA on P-256, which every TLS client speaks.</summary>
public static class Issuer
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>An authority that exists from now on.</summary>
    public static Authority CreateAuthority(DateTimeOffset now, RotationTimes times)
    {
        var made = WholeSecond(now);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // A name of its own, so that a verifier never tries the wrong one of two authorities.
        var name = $"Session Operator CA {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var request = new CertificateRequest(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var certificate = request.CreateSelfSigned(made - times.ClockSkew, made + times.AuthorityLife);
        return new Authority(name, certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), made, certificate.NotAfter);
    }

    /// <param name="signer">An authority that still has its key.</param>
    /// <param name="names">DNS names and IP addresses.</param>
    /// <param name="now">The time.</param>
    /// <param name="times">How long it lives.</param>
    public static Serving Sign(Authority signer, ImmutableSortedSet<string> names, DateTimeOffset now, RotationTimes times)
    {
        var made = WholeSecond(now);
        using var authority = X509Certificate2.CreateFromPem(signer.Certificate, signer.Key);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName("CN=Session Operator"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication)], false));
        request.CertificateExtensions.Add(SubjectNames(names));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        var ends = RotationPlan.EndOfServing(signer, made, times);
        using var certificate = request.Create(authority, made - times.ClockSkew, ends, SerialNumber());
        return new Serving(signer.Name, names, certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), made, ends);
    }

    private static X509Extension SubjectNames(ImmutableSortedSet<string> names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                builder.AddIpAddress(address);
            }
            else
            {
                builder.AddDnsName(name);
            }
        }
        return builder.Build();
    }

    private static byte[] SerialNumber()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] &= 0x7F; // positive
        return serial;
    }

    /// <summary>Certificates know no parts of a second; what is kept beside them should not either.</summary>
    private static DateTimeOffset WholeSecond(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
