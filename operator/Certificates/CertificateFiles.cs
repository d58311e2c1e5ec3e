using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SessionOperator.Operator.Certificates;

/// <summary>
/// Takes the certificate from a mounted folder (<c>tls.crt</c>, <c>tls.key</c>, <c>ca.crt</c>: what cert-manager writes into a
/// Secret) and looks again every few seconds. The authorities of the files before stay in the bundle, because other
/// replicas' mounts change up to a minute and a half earlier or later.
/// </summary>
public sealed partial class CertificateFiles(
    string folder, ServedCertificate served, CertificateMetrics metrics, TimeProvider time, ILogger log) : BackgroundService
{
    /// <summary>How often the files are read. Mounts change by swapping a link, which no file watch sees reliably.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private string _authorities = "";
    private string _authoritiesBefore = "";
    private string _certificate = "";
    private string _complaint = "";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            Turn();
            await Task.Delay(served.IsReady ? Interval : s_retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Reads the files once. When they cannot be used, what is in use stays in use.</summary>
    public void Turn()
    {
        try
        {
            Adopt(Read("tls.crt"), Read("tls.key"), Read("ca.crt"));
            _complaint = "";
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            // Between the halves of a swap, certificate and key do not belong together: the next reading finds them whole.
            if (wrong.Message != _complaint)
            {
                _complaint = wrong.Message;
                Unusable(folder, wrong.Message);
            }
        }
    }

    private string Read(string file)
    {
        var path = Path.Combine(folder, file);
        return File.Exists(path)
            ? File.ReadAllText(path)
            : throw new IOException($"{path} is missing; the folder must hold tls.crt, tls.key and ca.crt, the authority that sidecars and the API server are to trust");
    }

    private void Adopt(string certificate, string key, string authorities)
    {
        var authorityEnds = EndOf(authorities, "ca.crt");
        var servingEnds = EndOf(certificate, "tls.crt");
        var before = authorities == _authorities ? _authoritiesBefore : _authorities;
        served.Use(certificate, key, before.Length == 0 ? authorities : $"{authorities.Trim()}\n{before.Trim()}\n");
        metrics.Expiry.WithLabels("serving").Set(servingEnds.ToUnixTimeSeconds());
        metrics.Expiry.WithLabels("authority").Set(authorityEnds.ToUnixTimeSeconds());
        if (certificate != _certificate)
        {
            metrics.Rotations.WithLabels("serving").Inc();
            Loaded(folder, servingEnds);
        }
        if (authorities != _authorities)
        {
            metrics.Rotations.WithLabels("authority").Inc();
        }
        (_certificate, _authorities, _authoritiesBefore) = (certificate, authorities, before);
    }

    /// <summary>When the first certificate of a file ends.</summary>
    private static DateTimeOffset EndOf(string pem, string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates.Count > 0
            ? new DateTimeOffset(certificates[0].NotAfter.ToUniversalTime(), TimeSpan.Zero)
            : throw new CryptographicException($"{file} holds no certificate in PEM");
    }

    [LoggerMessage(EventId = 45, Level = LogLevel.Information, Message = "Certificate of {Folder} in use, valid until {End:u}")]
    private partial void Loaded(string folder, DateTimeOffset end);

    [LoggerMessage(EventId = 46, Level = LogLevel.Error, Message = "The certificate in {Folder} cannot be used ({Why}); the one in use stays in use, retrying")]
    private partial void Unusable(string folder, string why);
}
