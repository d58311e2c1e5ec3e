using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Integration.Tests.Redis;

/// <summary>A Redis of Debian's on a port and in a directory of its own; keeps nothing when it stops.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("so-redis-");
    private string[] _arguments;
    private Process? _process;

    private RedisServer(string[] arguments) => _arguments = arguments;

    public int Port { get; } = FreePort();

    /// <summary>Of the nodes of a Cluster among themselves.</summary>
    public int BusPort { get; } = FreePort();

    public string Folder => _directory.FullName;

    public string Socket => Path.Combine(Folder, "s.sock");

    /// <summary>Starts one; <c>{dir}</c> in an argument is its directory, <c>{port}</c> its port.</summary>
    public static async Task<RedisServer> StartAsync(params string[] arguments)
    {
        var server = new RedisServer(arguments);
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>Starts it again with other arguments.</summary>
    public Task StartAgainAsync(params string[] arguments)
    {
        _arguments = arguments;
        return StartAgainAsync();
    }

    public async Task StartAgainAsync()
    {
        var start = new ProcessStartInfo("/usr/bin/redis-server") { RedirectStandardOutput = true, WorkingDirectory = Folder };
        string[] own = _arguments.Contains("--port") ? [] : ["--port", "{port}"];
        string[] bus = _arguments.Contains("--cluster-enabled") ? ["--cluster-port", BusPort.ToString(CultureInfo.InvariantCulture)] : [];
        string[] memory = _arguments.Contains("--sentinel") ? [] : ["--save", "", "--unixsocket", Socket];
        foreach (var argument in (string[])[.. _arguments.Where(a => !a.StartsWith("--", StringComparison.Ordinal) && a.EndsWith(".conf", StringComparison.Ordinal)),
            .. own, "--bind", "127.0.0.1", "--daemonize", "no", "--dir", "{dir}", .. memory, .. bus,
            .. _arguments.Where(a => a.StartsWith("--", StringComparison.Ordinal) || !a.EndsWith(".conf", StringComparison.Ordinal))])
        {
            start.ArgumentList.Add(argument.Replace("{dir}", Folder, StringComparison.Ordinal)
                .Replace("{port}", Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        await Until.TrueAsync(async () => !_process.HasExited && await ListensAsync(), 20, "Redis listens");
    }

    public async Task StopAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    public Task FreezeAsync() => SignalAsync("STOP");

    public Task ThawAsync() => SignalAsync("CONT");

    /// <summary>What redis-cli prints for a command.</summary>
    public async Task<string> CliAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("/usr/bin/redis-cli") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-p", Port.ToString(CultureInfo.InvariantCulture), "--no-auth-warning", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return string.Concat(output).Trim();
    }

    /// <summary>The description of an app's cache with these locations, as the adapter sends it.</summary>
    public static CacheDescription Describe(string options, params string[] locations) => new()
    {
        Kind = "redis",
        Servers = [.. locations],
        Options = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(options),
    };

    /// <summary>A store on this server.</summary>
    internal RedisStore Store(string options = "{}", string? location = null) =>
        new(RedisSettings.Of(Describe(options, location ?? $"redis://127.0.0.1:{Port}/0")));

    /// <summary>The same, connected.</summary>
    internal async Task<RedisStore> ConnectAsync(string options = "{}", string? location = null)
    {
        var store = Store(options, location);
        await Until.TrueAsync(() => RedisStoreTests.AnswersAsync(store), 10, "the store is connected");
        return store;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await ThawAsync();
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
        _directory.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task SignalAsync(string signal)
    {
        // The shell's own kill: a bare Debian has no other.
        using var kill = Process.Start("/bin/sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{signal} {_process!.Id}")]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    private async Task<bool> ListensAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
