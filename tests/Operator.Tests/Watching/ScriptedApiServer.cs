using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>What the scripted server does with one request. Ends when the answer is complete or the client has gone.</summary>
internal delegate Task Answer(HttpContext context);

/// <summary>
/// An API server that does on demand what a real one will not: each request takes the next answer of the script, and
/// waits for one when there is none.
/// </summary>
internal sealed class ScriptedApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<Answer> _script = Channel.CreateUnbounded<Answer>();
    private readonly List<string> _requests = [];
    private readonly HttpClient _http;

    private ScriptedApiServer(WebApplication app, SocketsHttpHandler handler)
    {
        _app = app;
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        app.Run(ServeAsync);
    }

    public ApiTransport Transport => new(_http, new Uri(_app.Urls.Single() + "/"));

    public string[] Requests
    {
        get
        {
            lock (_requests)
            {
                return [.. _requests];
            }
        }
    }

    public static async Task<ScriptedApiServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = ["--hostBuilder:reloadConfigOnChange=false"] });
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.Zero);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var handler = new SocketsHttpHandler();
        ApiTransport.Harden(handler);
        var server = new ScriptedApiServer(builder.Build(), handler);
        await server._app.StartAsync();
        return server;
    }

    public ScriptedApiServer Then(params Answer[] answers)
    {
        foreach (var answer in answers)
        {
            _script.Writer.TryWrite(answer);
        }
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        _script.Writer.TryComplete();
        _http.Dispose();
        await _app.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        lock (_requests)
        {
            _requests.Add(context.Request.Path + context.Request.QueryString);
        }
        try
        {
            var answer = await _script.Reader.ReadAsync(context.RequestAborted);
            await answer(context);
        }
        catch (Exception over) when (over is OperationCanceledException or ChannelClosedException or IOException)
        {
            // The client or the test has ended.
            context.Abort();
        }
    }
}
