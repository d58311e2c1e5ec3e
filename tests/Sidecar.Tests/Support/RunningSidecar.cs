using System.Net;
using System.Net.Sockets;

namespace SessionOperator.Sidecar.Tests.Support;

/// <summary>A whole sidecar in this process.</summary>
internal sealed class RunningSidecar : SidecarClient, IAsyncDisposable
{
    private readonly TempDirectory _directory;
    private readonly string? _operator;
    private readonly TimeSpan _grace;
    private readonly string _pod;
    private SidecarHost _host;
    private Task _running;

    private RunningSidecar(TempDirectory directory, IPEndPoint? http, string? @operator, string pod, TimeSpan grace) : base(directory.Path)
    {
        _pod = pod;
        _grace = grace;
        _directory = directory;
        Http = http;
        _operator = @operator;
        (_host, _running) = Begin();
    }

    public IPEndPoint? Http { get; }

    /// <summary>It ended by itself, which it must not.</summary>
    public bool Ended => _running.IsCompleted;

    public static async Task<RunningSidecar> StartAsync(
        bool http = false, string? @operator = null, string pod = "web-1", double graceSeconds = 0)
    {
        var sidecar = new RunningSidecar(new TempDirectory(), http ? FreePort() : null, @operator, pod, TimeSpan.FromSeconds(graceSeconds));
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
            ["kind"] = database,
            ["host"] = "127.0.0.1",
            ["port"] = FreePort().Port,
            ["name"] = "app",
            ["user"] = "app",
            ["password"] = "s3cret",
        },
        ["store"] = new Dictionary<string, object?>
        {
            ["table"] = table,
            ["keyColumn"] = "session_key",
            ["dataColumn"] = Make.Data,
            ["expiryColumn"] = Make.Expiry,
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

    /// <summary>Stops it and starts another one on the same directories.</summary>
    public async Task RestartAsync()
    {
        await EndAsync();
        (_host, _running) = Begin();
        await AnswersAsync();
    }

    /// <summary>Tells it to stop; the task ends when it has.</summary>
    public Task LeaveAsync()
    {
        _host.Stop();
        return _running;
    }

    public async ValueTask DisposeAsync()
    {
        Dispose();
        await EndAsync();
        _directory.Dispose();
    }

    private (SidecarHost, Task) Begin()
    {
        var host = SidecarHost.Create(new Options(
            _directory.Path, _directory["journal"], _operator, "shop/orders", _pod, Http, TimeSpan.FromMilliseconds(1500), _grace));
        return (host, host.RunAsync());
    }

    private async Task EndAsync()
    {
        _host.Stop();
        await _running;
        await _host.DisposeAsync();
    }
}
