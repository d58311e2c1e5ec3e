using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace SessionOperator.Kubernetes.Tests.Identity;

/// <summary>The published sidecar, compiled ahead of time, as a pod runs it.</summary>
internal sealed class PublishedSidecar : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("session-operator-sidecar-").FullName;
    private readonly HttpClient _client;
    private Process? _process;

    public PublishedSidecar()
    {
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder, "api.sock")), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://sidecar"),
        };
    }

    public string AuthoritiesFile => Path.Combine(_folder, "given.pem");

    public string TokenFile => Path.Combine(_folder, "token");

    /// <summary>What the sidecar keeps of what the operator sent.</summary>
    public string KeptFile => Path.Combine(_folder, "journal", "operator-ca.pem");

    /// <summary>What it has said so far.</summary>
    public string Log => File.Exists(Path.Combine(_folder, "log")) ? File.ReadAllText(Path.Combine(_folder, "log")) : "";

    /// <param name="address">With https the files above are used.</param>
    /// <param name="database">"namespace/name".</param>
    /// <param name="pod">The pod it is in.</param>
    public void Start(string address, string database, string pod)
    {
        string[] trust = address.StartsWith("https:", StringComparison.Ordinal) ? ["--operator-ca", AuthoritiesFile, "--token", TokenFile] : [];
        var start = new ProcessStartInfo("/bin/sh",
        [
            "-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", Path.Combine(_folder, "log"), Program(),
            "--directory", _folder, "--journal", Path.Combine(_folder, "journal"), "--database", database, "--pod", pod,
            "--operator", address, .. trust,
        ]);
        _process = Process.Start(start);
    }

    public async Task EndAsync()
    {
        if (_process is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
            _process = null;
        }
    }

    /// <summary>It is connected to the operator and has heard a decision.</summary>
    public async Task<bool> IsConnectedAsync()
    {
        try
        {
            return (await StatusAsync()).GetProperty("connected").GetBoolean();
        }
        catch (HttpRequestException)
        {
            return false; // it has just been started
        }
    }

    /// <summary>What it says of itself.</summary>
    public async Task<JsonElement> StatusAsync()
    {
        var status = await _client.GetStringAsync(new Uri("/v1/status", UriKind.Relative), TestContext.Current.CancellationToken);
        return JsonDocument.Parse(status).RootElement;
    }

    /// <summary>The database has refused a session save of its app.</summary>
    public async Task SaveFailedAsync()
    {
        using var answer = await _client.PostAsJsonAsync(
            "/v1/report", new { verdict = "read_only", detail = "25006", retried = true }, TestContext.Current.CancellationToken);
        answer.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Program()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var program = Path.Combine(folder.FullName, "artifacts", "bin", "sidecar", "SessionOperator.Sidecar");
            if (File.Exists(program))
            {
                return program;
            }
        }
        throw new FileNotFoundException("the sidecar is not published; run: make build");
    }
}
