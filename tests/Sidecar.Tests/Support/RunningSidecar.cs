using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace SessionOperator.Sidecar.Tests.Support;

/// <summary>A whole sidecar in this process, spoken to through its socket as an adapter would.</summary>
internal sealed class RunningSidecar : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private SidecarHost _host;
    private Task _running;
    private HttpClient _client;

    private readonly string? _operator;

    private RunningSidecar(IPEndPoint? http, string? @operator)
    {
        Http = http;
        _operator = @operator;
        (_host, _client, _running) = Begin();
    }

    public IPEndPoint? Http { get; }

    public string PagePath => _directory["mode"];

    public byte PageMode
    {
        get
        {
            using var page = new FileStream(PagePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[9];
            page.ReadExactly(bytes);
            return bytes[8];
        }
    }

    /// <summary>It ended by itself, which it must not.</summary>
    public bool Ended => _running.IsCompleted;

    public static async Task<RunningSidecar> StartAsync(bool http = false, string? @operator = null)
    {
        var sidecar = new RunningSidecar(http ? FreePort() : null, @operator);
        await sidecar.AnswersAsync();
        return sidecar;
    }

    /// <summary>A loopback address where nobody listens.</summary>
    public static IPEndPoint FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>What an app would announce; its database and cache are ports where nobody listens, unless told otherwise.</summary>
    public static Dictionary<string, object?> App(string cache = "memcached", string table = "django_session", string database = "postgresql") => new()
    {
        ["api"] = 1,
        ["framework"] = "django",
        ["pid"] = 17,
        ["engine"] = "cached_db",
        ["database"] = new Dictionary<string, object?>
        {
            ["kind"] = database, ["host"] = "127.0.0.1", ["port"] = FreePort().Port, ["name"] = "app", ["user"] = "app", ["password"] = "s3cret",
        },
        ["store"] = new Dictionary<string, object?>
        {
            ["table"] = table, ["keyColumn"] = "session_key", ["dataColumn"] = Make.Data, ["expiryColumn"] = Make.Expiry,
            ["sentinel"] = new Dictionary<string, object?> { [Make.Data] = "", [Make.Expiry] = "1971-01-01T00:00:00Z" },
        },
        ["cache"] = new Dictionary<string, object?> { ["kind"] = cache, ["servers"] = new[] { FreePort().ToString() } },
    };

    /// <summary>A complete save.</summary>
    public static Dictionary<string, object?> Save(string key, string data = "data", string change = "state", bool create = false) => new()
    {
        ["key"] = key,
        ["change"] = change,
        ["create"] = create,
        ["columns"] = new Dictionary<string, object?> { [Make.Data] = data, [Make.Expiry] = Make.Later },
        ["expires"] = Make.Later,
    };

    /// <summary>Announces an app and has its database reported as down.</summary>
    public async Task EnterFallbackAsync(Dictionary<string, object?>? app = null)
    {
        Assert.Equal("ok", (await OkAsync("/v1/hello", app ?? App())).GetProperty("status").GetString());
        await OkAsync("/v1/report", new { verdict = "unreachable", detail = "OperationalError", retried = true });
    }

    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(string method, string path, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://sidecar" + path) { Content = content };
        // A body that is refused by its length alone must not be on its way already.
        request.Headers.ExpectContinue = content?.Headers.ContentLength > 1024 * 1024;
        using var response = await _client.SendAsync(request);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return (response.StatusCode, JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsByteArrayAsync()));
    }

    public Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, object body) =>
        SendAsync("POST", path, body is string text ? new StringContent(text, Encoding.UTF8, "application/json") : JsonContent.Create(body));

    /// <summary>Sends a request and closes the connection if it is not answered soon.</summary>
    public async Task GiveUpAsync(string path, object body, TimeSpan after)
    {
        using var patience = new CancellationTokenSource(after);
        using var content = JsonContent.Create(body);
        await Task.WhenAny(_client.PostAsync(new Uri("http://sidecar" + path), content, patience.Token));
    }

    public async Task<JsonElement> OkAsync(string path, object body)
    {
        var (status, answer) = await PostAsync(path, body);
        Assert.True(status == HttpStatusCode.OK, $"{path}: {(int)status} {answer}");
        return answer;
    }

    /// <summary>The outcome of a request that must be answered with 200.</summary>
    public async Task<string> OutcomeAsync(string path, object body) => (await OkAsync(path, body)).GetProperty("status").GetString()!;

    public async Task<JsonElement> StatusAsync() => (await SendAsync("GET", "/v1/status")).Body;

    /// <summary>Stops it and starts another one on the same directories.</summary>
    public async Task RestartAsync()
    {
        await EndAsync();
        (_host, _client, _running) = Begin();
        await AnswersAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _directory.Dispose();
    }

    private (SidecarHost, HttpClient, Task) Begin()
    {
        var host = SidecarHost.Create(new Options(
            _directory.Path, _directory["journal"], _operator, "shop/orders", "web-1", Http, TimeSpan.FromMilliseconds(1500)));
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_directory["api.sock"]), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        return (host, new HttpClient(handler), host.RunAsync());
    }

    private Task AnswersAsync() => Eventually.True(async () =>
    {
        try
        {
            return (await StatusAsync()).GetProperty("status").GetString() == "ok";
        }
        catch (HttpRequestException)
        {
            return false; // not listening yet
        }
    });

    private async Task EndAsync()
    {
        _client.Dispose();
        await _host.StopAsync();
        await _running;
        await _host.DisposeAsync();
    }
}
