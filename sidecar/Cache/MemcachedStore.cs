using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// The shared cache on one or more memcached servers. Our own keys live on one server each, chosen by rendezvous hashing;
/// keys of the app are written and deleted on every server, because client libraries disagree on where a key lives.
/// </summary>
internal sealed class MemcachedStore : ICacheStore
{
    private const int IdlePerServer = 16;
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan LongestRelativeExpiry = TimeSpan.FromDays(30);

    private readonly Server[] _servers;

    public MemcachedStore(IEnumerable<string> servers) =>
        _servers = [.. servers.Select(text => new Server(ParseServer(text), text))];

    /// <summary>Understands what Django's LOCATION holds: host:port, [v6]:port, unix:/path, /path.</summary>
    /// <exception cref="FormatException">The text is none of these.</exception>
    public static EndPoint ParseServer(string text)
    {
        var path = text.StartsWith("unix:", StringComparison.Ordinal) ? text[5..] : text;
        if (path.StartsWith('/'))
        {
            return new UnixDomainSocketEndPoint(path);
        }

        var address = text.StartsWith("inet6:", StringComparison.Ordinal) ? text[6..]
            : text.StartsWith("inet:", StringComparison.Ordinal) ? text[5..] : text;
        if (IPEndPoint.TryParse(address, out var endPoint))
        {
            return endPoint.Port == 0 ? new IPEndPoint(endPoint.Address, 11211) : endPoint;
        }

        var colon = address.LastIndexOf(':');
        var port = 11211;
        if (address.Length == 0 || colon == 0 || (colon > 0 && (!int.TryParse(address[(colon + 1)..], out port) || port is < 1 or > 65535)))
        {
            throw new FormatException($"\"{text}\" is not a memcached server; write host:port, [ipv6]:port or unix:/path");
        }

        return new DnsEndPoint(colon < 0 ? address : address[..colon], port);
    }

    public Task<CacheValue?> GetAsync(string key, CancellationToken cancel) =>
        OnAsync(Owner(key), (c, token) => c.GetsAsync(key, token), cancel);

    public async Task<bool> AddAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel) =>
        await OnAsync(Owner(key), (c, token) => c.StoreAsync("add", key, value, Expiry(life), null, token), cancel) == "STORED";

    public async Task<bool> CompareAndSwapAsync(
        string key, ReadOnlyMemory<byte> value, ulong token, TimeSpan life, CancellationToken cancel) =>
        await OnAsync(Owner(key), (c, t) => c.StoreAsync("cas", key, value, Expiry(life), token, t), cancel) == "STORED";

    public Task SetEverywhereAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel) =>
        Task.WhenAll(_servers.Select(s => OnAsync(s, (c, token) => c.StoreAsync("set", key, value, Expiry(life), null, token), cancel)));

    public async Task<bool> GetAnywhereAsync(string key, CancellationToken cancel)
    {
        var found = await Task.WhenAll(_servers.Select(s => OnAsync(s, (c, token) => c.GetsAsync(key, token), cancel)));
        return found.Any(value => value is not null);
    }

    public async Task<bool> GetEverywhereAsync(string key, CancellationToken cancel)
    {
        var found = await Task.WhenAll(_servers.Select(s => OnAsync(s, (c, token) => c.GetsAsync(key, token), cancel)));
        return found.All(value => value is not null);
    }

    public Task DeleteEverywhereAsync(string key, CancellationToken cancel) =>
        Task.WhenAll(_servers.Select(s => OnAsync(s, async (c, token) =>
        {
            await c.DeleteAsync(key, token);
            return true;
        }, cancel)));

    public ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            while (server.Idle.TryTake(out var connection))
            {
                connection.Dispose();
            }
        }

        return ValueTask.CompletedTask;
    }

    // Over 30 days memcached reads the number as a date.
    private static long Expiry(TimeSpan life) => life <= LongestRelativeExpiry
        ? Math.Max(1, (long)life.TotalSeconds)
        : DateTimeOffset.UtcNow.Add(life).ToUnixTimeSeconds();

    private Server Owner(string key) => _servers.Length == 1
        ? _servers[0]
        : _servers.MaxBy(s => BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(s.Name + "\n" + key))))!;

    private static async Task<T> OnAsync<T>(Server server, Func<MemcachedConnection, CancellationToken, Task<T>> work, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(Deadline);
        var idle = true;
        while (true)
        {
            MemcachedConnection? connection = null;
            try
            {
                idle = server.Idle.TryTake(out connection);
                connection ??= await MemcachedConnection.OpenAsync(server.EndPoint, deadline.Token);
                var result = await work(connection, deadline.Token);
                server.Return(connection);
                return result;
            }
            catch (Exception e) when (e is SocketException or IOException or CacheUnavailableException && idle && connection is not null)
            {
                // An idle connection may have died with the server's last restart; a fresh one tells.
                connection.Dispose();
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or CacheUnavailableException)
            {
                connection?.Dispose();
                cancel.ThrowIfCancellationRequested();
                throw e as CacheUnavailableException
                    ?? new CacheUnavailableException($"memcached server {server.Name} does not answer: {e.GetType().Name}", e);
            }
        }
    }

    private sealed record Server(EndPoint EndPoint, string Name)
    {
        public ConcurrentBag<MemcachedConnection> Idle { get; } = [];

        public void Return(MemcachedConnection connection)
        {
            if (Idle.Count < IdlePerServer)
            {
                Idle.Add(connection);
            }
            else
            {
                connection.Dispose();
            }
        }
    }
}
