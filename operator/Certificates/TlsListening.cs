using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace SessionOperator.Operator.Certificates;

/// <summary>TLS on a port, with whatever certificate is in force when somebody connects.</summary>
public static class TlsListening
{
    public static ListenOptions UseServedCertificate(this ListenOptions listen, ServedCertificate served) =>
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = TimeSpan.FromSeconds(5),
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = served.Context ?? throw new AuthenticationException("there is no certificate yet"),
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            }),
        });
}
