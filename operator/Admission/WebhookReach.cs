using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Admission;

/// <summary>
/// Finds out when reviews arrive: asks through the Service, as the API server does, until a replica that it trusts answers.
/// A replica that has just started is not behind its Service yet.
/// </summary>
/// <param name="address">The webhook, by the Service's name.</param>
/// <param name="bundle">Whom to trust.</param>
/// <param name="time">The clock of pauses.</param>
/// <param name="log">Where it is said that this takes long.</param>
public sealed partial class WebhookReach(Uri address, ICertificateBundle bundle, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);
    private const int PatientFor = 60;

    /// <summary>Returns when somebody answers.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            PooledConnectionLifetime = TimeSpan.Zero,
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsOurs(certificate, errors) },
        };
        using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(2) };
        for (var tries = 1; ; tries++)
        {
            try
            {
                // Whatever the answer is: it is given by one of us, to whom the Service leads.
                using var answer = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, cancellation);
                return;
            }
            catch (Exception away) when (away is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                if (tries == PatientFor)
                {
                    Unreached(address, away.InnerException?.Message ?? away.Message);
                }
            }
            await Task.Delay(s_pause, time, cancellation);
        }
    }

    private bool IsOurs(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            return false;
        }
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(bundle.Pem);
        return chain.Build(X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }

    [LoggerMessage(EventId = 63, Level = LogLevel.Warning, Message = "The webhook does not answer at {Address} ({Why}); no workload is rolled out to be injected until it does")]
    private partial void Unreached(Uri address, string why);
}
