using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace SessionOperator.Sidecar.Tests.Support;

/// <summary>A sidecar as an adapter sees it: a mode page and HTTP over a unix socket.</summary>
internal abstract class SidecarClient : IDisposable
{
    private readonly string _directory;

    /// <param name="directory">The runtime directory.</param>
    protected SidecarClient(string directory)
    {
        _directory = directory;
        Client = Connect();
    }

    public string PagePath => Path.Combine(_directory, "mode");

    public byte PageMode => PageByte(8);

    public bool PageReadable => (PageByte(9) & 1) != 0;

    private HttpClient Client { get; set; }

    /// <summary>Announces an app and has its database reported as down.</summary>
    public async Task EnterFallbackAsync(Dictionary<string, object?>? app = null)
    {
        Assert.Equal("ok", (await OkAsync("/v1/hello", app ?? RunningSidecar.App())).GetProperty("status").GetString());
        await OkAsync("/v1/report", new { verdict = "unreachable", detail = "OperationalError", retried = true });
    }

    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(string method, string path, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://sidecar" + path) { Content = content };
        // A body that is refused by its length alone must not be on its way already.
        request.Headers.ExpectContinue = content?.Headers.ContentLength > 1024 * 1024;
        using var response = await Client.SendAsync(request);
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
        await Task.WhenAny(Client.PostAsync(new Uri("http://sidecar" + path), content, patience.Token));
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

    /// <summary>Closes the app's connections, as the end of its process does.</summary>
    public void HangUp()
    {
        Client.Dispose();
        Client = Connect();
    }

    public void Dispose()
    {
        Client.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Forgets the connections to a sidecar that is gone, and waits until the next one answers.</summary>
    protected async Task AnswersAsync()
    {
        Client.Dispose();
        Client = Connect();
        await Eventually.True(async () =>
        {
            try
            {
                return (await StatusAsync()).GetProperty("status").GetString() == "ok";
            }
            catch (HttpRequestException)
            {
                return false; // not listening yet
            }
        }, 30, "the sidecar answers");
    }

    private byte PageByte(int at)
    {
        using var page = new FileStream(PagePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[at + 1];
        page.ReadExactly(bytes);
        return bytes[at];
    }

    private HttpClient Connect() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_directory, "api.sock")), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });
}
