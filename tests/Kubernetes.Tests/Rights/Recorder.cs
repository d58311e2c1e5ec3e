using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SessionOperator.Kubernetes.Tests.Servers;

namespace SessionOperator.Kubernetes.Tests.Rights;

/// <summary>Between an operator and the API server: passes everything on under one service account's token, and remembers what was asked for.</summary>
internal sealed class Recorder : IAsyncDisposable
{
    private static readonly Dictionary<string, string> s_verbs = new()
    {
        ["POST"] = "create",
        ["PUT"] = "update",
        ["PATCH"] = "patch",
        ["DELETE"] = "delete",
    };

    private readonly WebApplication _app;
    private readonly HttpClient _server;
    private readonly string _token;
    private readonly ConcurrentDictionary<string, byte> _used = [];
    private readonly ConcurrentDictionary<string, byte> _refused = [];

    private Recorder(ApiServer server, string token)
    {
        _token = token;
        var configuration = server.ClientConfiguration();
        // Not the administrator's connection: who asks is whose the token is.
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.AddRange(configuration.SslCaCerts);
        _server = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = trust } })
        { BaseAddress = new Uri(configuration.Host), Timeout = Timeout.InfiniteTimeSpan };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(Pass);
    }

    /// <summary>"group resource verb" of all that was granted.</summary>
    public IEnumerable<string> Used => _used.Keys;

    /// <summary>The same of what was refused.</summary>
    public IEnumerable<string> Refused => _refused.Keys;

    /// <summary>A kubeconfig that leads here.</summary>
    public string KubeConfig => $$"""
        apiVersion: v1
        kind: Config
        current-context: here
        contexts: [{ name: here, context: { cluster: here, user: here } }]
        clusters: [{ name: here, cluster: { server: "{{_app.Urls.Single()}}" } }]
        users: [{ name: here, user: { token: none } }]
        """;

    public static async Task<Recorder> StartAsync(ApiServer server, string token)
    {
        var recorder = new Recorder(server, token);
        await recorder._app.StartAsync(TestContext.Current.CancellationToken);
        return recorder;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _server.Dispose();
    }

    private async Task Pass(HttpContext context)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), $"{context.Request.Path}{context.Request.QueryString}");
        request.Headers.Authorization = new("Bearer", _token);
        request.Headers.Accept.ParseAdd("application/json");
        if (context.Request.ContentType is { } type)
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            request.Content = new ByteArrayContent(body.ToArray());
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }
        using var answer = await _server.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        Remember(context.Request, answer.StatusCode);
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await using var content = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        var buffer = new byte[16 * 1024];
        int read;
        // A watch has an answer before it has something to tell.
        await context.Response.Body.FlushAsync(context.RequestAborted);
        while ((read = await content.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    private void Remember(HttpRequest request, HttpStatusCode status)
    {
        // /api/v1/... and /apis/GROUP/VERSION/..., then namespaces/NAME unless that is the object itself.
        var path = request.Path.Value!.Trim('/').Split('/');
        var (group, rest) = path[0] == "api" ? ("", path[Math.Min(2, path.Length)..]) : path.Length > 3 ? (path[1], path[3..]) : ("", []);
        if (rest is ["namespaces", _, _, ..])
        {
            rest = rest[2..];
        }
        if (rest.Length == 0)
        {
            return;
        }
        var resource = rest.Length > 2 ? $"{rest[0]}/{rest[2]}" : rest[0];
        var verb = s_verbs.GetValueOrDefault(request.Method)
            ?? (rest.Length > 1 ? "get" : request.Query.ContainsKey("watch") ? "watch" : "list");
        (status == HttpStatusCode.Forbidden ? _refused : _used).TryAdd($"{group} {resource} {verb}", 0);
    }
}
