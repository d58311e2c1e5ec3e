using System.Net;
using System.Net.Sockets;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Servers;

/// <summary>A memcached of the test's own on a free port.</summary>
internal sealed class MemcachedServer : IAsyncDisposable
{
    private readonly int _port = ServerProcess.FreePort();
    private ServerProcess? _process;

    public string Address => $"127.0.0.1:{_port}";

    public static async Task<MemcachedServer> StartAsync()
    {
        var server = new MemcachedServer();
        await server.ContinueAsync();
        return server;
    }

    /// <summary>Starts it again, empty.</summary>
    public async Task ContinueAsync()
    {
        _process?.Dispose();
        string[] user = Environment.UserName == "root" ? ["-u", "root"] : [];
        _process = ServerProcess.Start("/dev/null", ["memcached", "-l", "127.0.0.1", "-p", $"{_port}", "-U", "0", "-m", "32", "-t", "2", .. user]);
        await Eventually.True(async () =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _port));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }, 20, "memcached answers");
    }

    public Task KillAsync() => _process!.EndAsync(ServerProcess.Signal.Kill);

    /// <summary>It keeps what it has and answers nobody.</summary>
    public void Freeze() => _process!.Send(ServerProcess.Signal.Stop);

    public void Thaw() => _process!.Send(ServerProcess.Signal.Continue);

    public ValueTask DisposeAsync()
    {
        _process?.Dispose();
        return ValueTask.CompletedTask;
    }
}
