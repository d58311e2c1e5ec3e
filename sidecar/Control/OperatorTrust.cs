using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SessionOperator.Sidecar.Journal;

namespace SessionOperator.Sidecar.Control;

/// <summary>
/// The authorities that may vouch for the operator: those the pod was given when it was made, and the newest the operator
/// sent since. A sidecar outlives rotations, so what it was given once is not enough; both count, because either may be
/// the newer one.
/// </summary>
/// <param name="given">PEM file that somebody else writes.</param>
/// <param name="stored">PEM file of our own, on a volume that outlives the process.</param>
internal sealed class OperatorTrust(string given, string stored)
{
    private const int MostBytes = 64 * 1024;
    private string? _kept;

    /// <summary>Read anew for every connection.</summary>
    /// <exception cref="IOException">There is no authority at all; the message says where one was looked for.</exception>
    public X509Certificate2Collection Load()
    {
        var authorities = new X509Certificate2Collection();
        var problem = Add(authorities, given);
        Add(authorities, stored);
        return authorities.Count > 0 ? authorities : throw new IOException(problem);
    }

    /// <summary>Keeps what the operator sent. Returns what is wrong with it; then the file stays as it was.</summary>
    public string? Keep(string pem)
    {
        if (pem == _kept)
        {
            return null;
        }

        if (pem.Length > MostBytes)
        {
            return $"{pem.Length} characters are too many";
        }

        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(pem);
            if (authorities.Count == 0)
            {
                return "it holds no certificate";
            }

            Write(pem);
            _kept = pem;
            return null;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    // Whole or not at all: a file cut short by a crash would lock the sidecar out.
    private void Write(string pem)
    {
        var fresh = stored + ".new";
        using (var file = new FileStream(fresh, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(pem));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, stored, overwrite: true);
        DirectorySync.Flush(Path.GetDirectoryName(stored)!);
    }

    private static string Add(X509Certificate2Collection authorities, string path)
    {
        try
        {
            var before = authorities.Count;
            authorities.ImportFromPemFile(path);
            return authorities.Count > before ? "" : $"{path} holds no certificate in PEM";
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return $"no authority for the operator can be read: {e.Message}";
        }
    }
}
