using System.Security.Cryptography;
using System.Text;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>Makes and compares fingerprints of opaque session data.</summary>
internal static class Fingerprints
{
    public static Fingerprint Of(string data)
    {
        var bytes = Encoding.UTF8.GetBytes(data);
        return new Fingerprint(bytes.Length, Convert.ToBase64String(SHA256.HashData(bytes)));
    }

    /// <summary>Whether <paramref name="data"/> begins with what was fingerprinted.</summary>
    public static bool Matches(Fingerprint fingerprint, string data)
    {
        var bytes = Encoding.UTF8.GetBytes(data);
        return fingerprint.Length >= 0
            && bytes.Length >= fingerprint.Length
            && Convert.ToBase64String(SHA256.HashData(bytes.AsSpan(0, fingerprint.Length))) == fingerprint.Sha256;
    }
}
