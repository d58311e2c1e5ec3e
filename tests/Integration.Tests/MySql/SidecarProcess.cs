using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace SessionOperator.Integration.Tests.MySql;

/// <summary>A sidecar on its own, without an operator, and its local API as an adapter uses it.</summary>
internal sealed class SidecarProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("so-sc-");
    private readonly HttpClient _api;
    private Process? _process;

    private SidecarProcess()
    {
        var socket = new UnixDomainSocketEndPoint(Path.Combine(_directory.FullName, "api.sock"));
        _api = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(socket, cancel);
                return new NetworkStream(connection, ownsSocket: true);
            },
        })
        { BaseAddress = new Uri("http://sidecar") };
    }

    public static async Task<SidecarProcess> StartAsync()
    {
        var sidecar = new SidecarProcess();
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "SessionOperator.Sidecar")) { RedirectStandardOutput = true };
        foreach (var argument in (string[])["--directory", sidecar._directory.FullName, "--journal", Path.Combine(sidecar._directory.FullName, "journal"),
            "--database", "default/db"])
        {
            start.ArgumentList.Add(argument);
        }

        sidecar._process = Process.Start(start)!;
        sidecar._process.OutputDataReceived += (_, _) => { };
        sidecar._process.BeginOutputReadLine();
        await Until.TrueAsync(async () => await sidecar.AnswersAsync(), 30, "the sidecar answers");
        return sidecar;
    }

    public async Task<JsonElement> StatusAsync() => await _api.GetFromJsonAsync<JsonElement>("/v1/status");

    /// <summary>Sends a request; its answer's status must be the expected one.</summary>
    public async Task<JsonElement> SendAsync(string request, object body, string status)
    {
        using var response = await _api.PostAsJsonAsync("/v1/" + request, body);
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(answer.TryGetProperty("status", out var found) && found.GetString() == status, $"{request}: {answer}");
        return answer;
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        Assert.False(_process!.HasExited, "the sidecar ended by itself");
        try
        {
            await StatusAsync();
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
