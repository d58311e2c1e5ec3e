using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace SessionOperator.Operator.Certificates;

/// <summary>
/// The state as the data of a Secret: <c>tls.crt</c> and <c>tls.key</c> as everywhere, <c>ca.crt</c> with all authorities, oldest
/// first, and <c>ca.key</c> with the keys of those that may still sign. All times stand in the certificates.
/// </summary>
public static class SecretFormat
{
    public const string Certificate = "tls.crt";
    public const string Key = "tls.key";
    public const string Authorities = "ca.crt";
    public const string AuthorityKeys = "ca.key";

    public static Dictionary<string, byte[]> Write(CertificateState state) => new()
    {
        [Authorities] = Encoding.ASCII.GetBytes(state.Bundle),
        [AuthorityKeys] = Encoding.ASCII.GetBytes(string.Join('\n', state.Authorities.Select(authority => authority.Key).OfType<string>())),
        [Certificate] = Encoding.ASCII.GetBytes(state.Serving?.Certificate ?? ""),
        [Key] = Encoding.ASCII.GetBytes(state.Serving?.Key ?? ""),
    };

    /// <summary>Nothing of ours in it reads as the empty state.</summary>
    /// <exception cref="FormatException">Something is in it that we did not write.</exception>
    public static CertificateState Read(IDictionary<string, byte[]>? data, RotationTimes times)
    {
        string Text(string key) => data is not null && data.TryGetValue(key, out var bytes) ? Encoding.ASCII.GetString(bytes) : "";
        try
        {
            var keys = Keys(Text(AuthorityKeys));
            return new CertificateState(ReadAuthorities(Text(Authorities), keys, times), ReadServing(Text(Certificate), Text(Key), times));
        }
        catch (Exception wrong) when (wrong is CryptographicException or ArgumentException)
        {
            throw new FormatException(wrong.Message, wrong);
        }
    }

    private static ImmutableList<Authority> ReadAuthorities(string bundle, Dictionary<string, string> keys, RotationTimes times)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(bundle);
        return [.. certificates.Select(certificate =>
        {
            using (certificate)
            {
                return new Authority(
                    certificate.GetNameInfo(X509NameType.SimpleName, false), certificate.ExportCertificatePem(),
                    keys.GetValueOrDefault(Convert.ToHexString(certificate.PublicKey.ExportSubjectPublicKeyInfo())),
                    Utc(certificate.NotBefore) + times.ClockSkew, Utc(certificate.NotAfter));
            }
        })];
    }

    private static Serving? ReadServing(string certificatePem, string keyPem, RotationTimes times)
    {
        if (certificatePem.Length == 0)
        {
            return null;
        }
        using var certificate = X509Certificate2.CreateFromPem(certificatePem, keyPem);
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension =>
            extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())));
        return new Serving(
            certificate.GetNameInfo(X509NameType.SimpleName, true), [.. names], certificatePem, keyPem,
            Utc(certificate.NotBefore) + times.ClockSkew, Utc(certificate.NotAfter));
    }

    /// <summary>Keys by the public key that belongs to each.</summary>
    private static Dictionary<string, string> Keys(string text)
    {
        var keys = new Dictionary<string, string>();
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var found); rest = rest[found.Location.End..])
        {
            var pem = rest[found.Location].ToString();
            using var key = ECDsa.Create();
            key.ImportFromPem(pem);
            keys[Convert.ToHexString(key.ExportSubjectPublicKeyInfo())] = pem;
        }
        return keys;
    }

    private static DateTimeOffset Utc(DateTime local) => new(local.ToUniversalTime(), TimeSpan.Zero);
}
