using System.Net.Sockets;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Servers;

/// <summary>The operator, standalone, in a process of its own.</summary>
internal sealed class OperatorProcess : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly int _port = ServerProcess.FreePort();
    private ServerProcess? _process;

    public string Address => $"http://127.0.0.1:{_port}";

    public static async Task<OperatorProcess> StartAsync()
    {
        var server = new OperatorProcess();
        var config = server._directory["operator.yaml"];
        await File.WriteAllTextAsync(config, $"""
            grpc: 127.0.0.1:{server._port}
            http: 127.0.0.1:{ServerProcess.FreePort()}
            databases:
              - name: shop/orders
                fallback: Cache
            """);
        server._process = ServerProcess.Start(server._directory["log"], [Executable(), "--standalone", config]);
        await Eventually.True(async () =>
        {
            Assert.True(server._process.Running, "the operator ended by itself");
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync("127.0.0.1", server._port);
                return true;
            }
            catch (SocketException)
            {
                return false; // not listening yet
            }
        }, 30, "the operator listens");
        return server;
    }

    public ValueTask DisposeAsync()
    {
        _process?.Dispose();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    // Built beside this project, in the same configuration.
    private static string Executable()
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(framework.FullName, "..", "..", "..", "..", "..", "operator", "bin",
            framework.Parent!.Name, framework.Name, "SessionOperator.Operator");
    }
}
