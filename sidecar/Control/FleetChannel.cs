using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace SessionOperator.Sidecar.Control;

/// <summary>How the operator is reached: TLS, the token that says who we are, and how soon a dead connection is noticed.</summary>
/// <param name="address">http(s)://host:port.</param>
/// <param name="trust">Null: the system's authorities.</param>
/// <param name="token">File with the ServiceAccount token; null: none is shown.</param>
internal sealed class FleetChannel(string address, OperatorTrust? trust = null, string? token = null)
{
    private const int LongestToken = 16 * 1024;

    public string Address => address;

    /// <summary>A new connection with the authorities of now. Dispose it after the stream.</summary>
    /// <exception cref="IOException">There is no authority to trust.</exception>
    public GrpcChannel Open() => GrpcChannel.ForAddress(address, new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            // Together with the pings: a connection that is half open is given up within ten seconds.
            ConnectTimeout = TimeSpan.FromSeconds(2),
            KeepAlivePingDelay = TimeSpan.FromSeconds(4),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(4),
            EnableMultipleHttp2Connections = false,
            UseProxy = false,
            SslOptions = Tls(),
        },
    });

    /// <summary>What is said with the call. The token is read anew: the kubelet replaces it long before it ends.</summary>
    /// <exception cref="IOException">The token cannot be read.</exception>
    public async Task<Metadata> HeadersAsync(CancellationToken cancel)
    {
        var headers = new Metadata();
        if (token is not null)
        {
            var text = (await File.ReadAllTextAsync(token, cancel)).Trim();
            if (text.Length is 0 or > LongestToken || text.Any(c => c is <= ' ' or > '~'))
            {
                throw new IOException($"{token} holds no token: {text.Length} characters; project a ServiceAccount token there");
            }

            headers.Add("authorization", $"Bearer {text}");
        }

        return headers;
    }

    public void Keep(string authorities, ILogger log)
    {
        if (trust?.Keep(authorities) is { } wrong)
        {
            log.TrustNotKept(wrong);
        }
    }

    private SslClientAuthenticationOptions Tls()
    {
        var options = new SslClientAuthenticationOptions();
        if (trust is not null)
        {
            var policy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            policy.CustomTrustStore.AddRange(trust.Load());
            options.CertificateChainPolicy = policy;
        }

        return options;
    }
}
