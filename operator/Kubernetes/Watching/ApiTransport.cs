using System.Net;
using k8s.Authentication;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>
/// Sends a request with the client's connection and credentials, and hands back the answer with its body unread: the
/// client's own reading of bodies can neither be cancelled nor be given a deadline.
/// </summary>
public sealed class ApiTransport(HttpClient http, Uri address, ServiceClientCredentials? credentials = null)
{
    public static ApiTransport Of(k8s.Kubernetes client) => new(client.HttpClient, client.BaseUri, client.Credentials);

    /// <summary>
    /// For the client's configuration (FirstMessageHandlerSetup): a connection that is open on our side only is found
    /// within 15 s instead of 210, and requests beyond the server's limit of streams get a second connection instead
    /// of waiting for ever.
    /// </summary>
    public static void Harden(HttpMessageHandler handler)
    {
        var sockets = handler as SocketsHttpHandler
            ?? throw new ArgumentException($"cannot set the deadlines of a {handler.GetType().Name}; give it a SocketsHttpHandler", nameof(handler));
        sockets.ConnectTimeout = TimeSpan.FromSeconds(5);
        sockets.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
        sockets.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        sockets.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        sockets.EnableMultipleHttp2Connections = true;
    }

    /// <inheritdoc cref="SendAsync"/>
    public Task<HttpResponseMessage> GetAsync(string path, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, path, null, cancellation);

    /// <summary>Returns when the head of the answer is there, whatever its status.</summary>
    /// <param name="method">What to do there.</param>
    /// <param name="path">Path and query below the server's address.</param>
    /// <param name="body">Null where the method has none.</param>
    /// <param name="cancellation">Ends the request at once.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, new Uri(address, path)) { Version = HttpVersion.Version20, Content = body };
        request.Headers.Accept.ParseAdd("application/json");
        if (credentials is not null)
        {
            await credentials.ProcessHttpRequestAsync(request, cancellation);
        }
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }
}
