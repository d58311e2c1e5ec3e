using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SessionOperator.Kubernetes.Tests.Servers;

/// <summary>One request on its way; does nothing of itself.</summary>
/// <param name="Path">With the query.</param>
/// <param name="Body">Empty where there is none.</param>
/// <param name="Pass">Sends it to the API server and waits for what it answers.</param>
/// <param name="Answer">Hands the answer back.</param>
public sealed record Passing(string Path, string Body, Func<Task<HttpStatusCode>> Pass, Func<Task> Answer)
{
    /// <summary>The write of a decision, not of what replicas tell each other.</summary>
    public bool IsDecision => Path.EndsWith("/status", StringComparison.Ordinal) && Body.Contains("\"basis\"", StringComparison.Ordinal);
}

/// <summary>Stands between one replica and the real API server, and can hold up, swallow or cut what passes.</summary>
public sealed class ApiProxy : IAsyncDisposable
{
    private static readonly Func<Passing, Task> s_through = async passing =>
    {
        await passing.Pass();
        await passing.Answer();
    };

    private readonly ConcurrentDictionary<HttpContext, bool> _open = [];
    private readonly Lock _ending = new(); // a request that is over cannot be aborted
    private readonly string _file = Path.GetTempFileName();
    private readonly ApiServer _server;
    private readonly WebApplication _app;
    private volatile bool _cut;

    private ApiProxy(ApiServer server)
    {
        _server = server;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(ServeAsync);
    }

    /// <summary>For the replica behind it, with the administrator's rights.</summary>
    public string KubeConfig => _file;

    /// <summary>What becomes of each request.</summary>
    public Func<Passing, Task> Handle { get; set; } = s_through;

    public static async Task<ApiProxy> StartAsync(ApiServer server)
    {
        var proxy = new ApiProxy(server);
        await proxy._app.StartAsync(TestContext.Current.CancellationToken);
        var address = proxy._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await File.WriteAllTextAsync(proxy._file, $$"""
            {"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {"token": "nobody asks for it"} } ],
             "clusters": [{"name": "k", "cluster": {"server": "{{address}}"} } ], "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"} } ] }
            """);
        return proxy;
    }

    public static Task Through(Passing passing) => s_through(passing);

    /// <summary>From now on nothing comes through, in neither direction.</summary>
    public void Cut()
    {
        _cut = true;
        lock (_ending)
        {
            foreach (var context in _open.Keys)
            {
                context.Abort();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Cut();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        File.Delete(_file);
    }

    private async Task ServeAsync(HttpContext context)
    {
        _open[context] = true;
        try
        {
            if (_cut)
            {
                context.Abort();
                return;
            }
            await ForwardAsync(context);
        }
        catch (Exception gone) when (gone is OperationCanceledException or HttpRequestException or IOException)
        {
            // Whoever asked, or whoever was asked, is no longer there: so for the other one.
            context.Abort();
        }
        finally
        {
            lock (_ending)
            {
                _open.TryRemove(context, out _);
            }
        }
    }

    private async Task ForwardAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var path = $"{context.Request.Path}{context.Request.QueryString}";
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(_server.Client.BaseUri, path)) { Version = HttpVersion.Version20 };
        request.Headers.Accept.ParseAdd(context.Request.Headers.Accept.ToString());
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body.ToArray());
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(context.Request.ContentType!);
        }
        HttpResponseMessage? answer = null;
        await Handle(new Passing(
            path, System.Text.Encoding.UTF8.GetString(body.ToArray()),
            // What has reached the server happens, whatever becomes of who asked.
            async () => (answer = await _server.Client.HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, CancellationToken.None)).StatusCode,
            () => AnswerAsync(context, answer!)));
        answer?.Dispose();
    }

    private static async Task AnswerAsync(HttpContext context, HttpResponseMessage answer)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await using var content = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        await context.Response.StartAsync(context.RequestAborted);
        var buffer = new byte[16 * 1024];
        while (await content.ReadAsync(buffer, context.RequestAborted) is > 0 and var read)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }
}
