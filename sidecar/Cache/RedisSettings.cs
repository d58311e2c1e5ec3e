using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Cache;

/// <summary>How the app reaches its Redis: what Django's LOCATION and OPTIONS say, for Django's own client and django-redis.</summary>
/// <param name="Servers">One server, the nodes of a Cluster, or Sentinels.</param>
/// <param name="Database">Number of the logical database.</param>
/// <param name="User">Null: Redis's default user.</param>
/// <param name="Password">Null: none.</param>
/// <param name="Tls">Null: not encrypted.</param>
/// <param name="Sentinel">Null: the servers are Redis itself.</param>
internal sealed record RedisSettings(
    IReadOnlyList<EndPoint> Servers, int Database, string? User, string? Password, RedisTls? Tls, RedisSentinel? Sentinel)
{
    private const int DefaultPort = 6379;
    private const int DefaultSentinelPort = 26379;
    private const string Forms = "write redis://[[user]:password@]host:port/db, rediss://... for TLS, or unix:///path?db=0";

    /// <exception cref="FormatException">It cannot be understood, or not be followed; the message says what to write.</exception>
    public static RedisSettings Of(CacheDescription cache)
    {
        var options = new RedisOptions(cache.Options);
        if (cache.Servers is not { Count: > 0 } locations)
        {
            throw new FormatException("the app's Redis cache has no LOCATION; " + Forms);
        }

        if (options.Names("Shard"))
        {
            throw new FormatException("the app spreads its cache over several Redis servers by itself (django-redis ShardClient), "
                + "which the sidecar does not do; use one server, Sentinel or Cluster to have sessions kept in the cache");
        }

        // As Django does: the first is the one written to, the others are its replicas. Of a Cluster every node is as good.
        var parsed = locations.Select(Location).ToList();
        var first = parsed[0];
        var url = first.Options;
        var tls = first.Tls ? RedisTls.Of(name => url.GetValueOrDefault(name) ?? options.Text(name)) : null;
        var settings = new RedisSettings(
            options.Names("Cluster") ? [.. parsed.Select(p => p.Server)] : [first.Server],
            Number(url.GetValueOrDefault("db") ?? first.Path ?? options.Text("db") ?? "0"),
            url.GetValueOrDefault("username") ?? first.User ?? options.Text("username"),
            url.GetValueOrDefault("password") ?? first.Password ?? options.Text("password"),
            tls, null);
        return options.Value("SENTINELS") is { } sentinels ? settings.Behind(sentinels, first.Server, options)
            : options.Names("Sentinel") ? throw new FormatException(
                "the app finds its Redis through Sentinels, but OPTIONS[\"SENTINELS\"] names none; write a list of (host, port)")
            : settings;
    }

    // The compiler's own would print the password.
    public override string ToString() => $"redis {string.Join(", ", Servers.Select(s => s is DnsEndPoint tcp ? $"{tcp.Host}:{tcp.Port}" : s.ToString()))}/{Database}";

    private RedisSettings Behind(JsonElement sentinels, EndPoint location, RedisOptions options)
    {
        if (location is not DnsEndPoint { Host: var service })
        {
            throw new FormatException("with Sentinels, the LOCATION of the app's Redis cache names a service; write redis://service/db");
        }

        var servers = sentinels.ValueKind switch
        {
            JsonValueKind.Array => sentinels.EnumerateArray().Select(SentinelServer).ToList<EndPoint>(),
            JsonValueKind.String => sentinels.GetString()!.Split(',').Select(s => SentinelServer(s.Trim())).ToList<EndPoint>(),
            _ => [],
        };
        if (servers.Count == 0)
        {
            throw new FormatException("OPTIONS[\"SENTINELS\"] of the app's Redis cache is empty; write a list of (host, port)");
        }

        return this with { Servers = servers, Sentinel = new RedisSentinel(service, options.SentinelText("username"), options.SentinelText("password")) };
    }

    private static DnsEndPoint SentinelServer(JsonElement entry) =>
        entry.ValueKind == JsonValueKind.String ? SentinelServer(entry.GetString()!)
        : entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2
            ? SentinelServer($"{entry[0]}:{entry[1]}")
            : throw new FormatException("an entry of OPTIONS[\"SENTINELS\"] is not (host, port)");

    private static DnsEndPoint SentinelServer(string text)
    {
        var colon = text.LastIndexOf(':');
        var port = DefaultSentinelPort;
        if (text.Length == 0 || colon == 0 || (colon > 0 && !int.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out port)))
        {
            throw new FormatException("an entry of OPTIONS[\"SENTINELS\"] is not host:port");
        }

        return Server(colon < 0 ? text : text[..colon], port);
    }

    private static (EndPoint Server, string? User, string? Password, string? Path, bool Tls, Dictionary<string, string> Options) Location(string text)
    {
        // Nothing of the text is repeated: it may hold a password.
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("redis" or "rediss" or "unix"))
        {
            throw new FormatException("the LOCATION of the app's Redis cache is not one the sidecar understands; " + Forms);
        }

        var options = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            options[equals < 0 ? pair : pair[..equals]] = equals < 0 ? "" : Uri.UnescapeDataString(pair[(equals + 1)..]);
        }

        var colon = uri.UserInfo.IndexOf(':', StringComparison.Ordinal);
        var user = Known(colon < 0 ? uri.UserInfo : uri.UserInfo[..colon]);
        var password = colon < 0 ? null : Known(uri.UserInfo[(colon + 1)..]);
        var path = Uri.UnescapeDataString(uri.AbsolutePath);
        if (uri.Scheme == "unix")
        {
            return path.Length > 1 ? (new UnixDomainSocketEndPoint(path), user, password, null, false, options)
                : throw new FormatException("the LOCATION of the app's Redis cache names no socket; write unix:///path/to/redis.sock?db=0");
        }

        if (uri.Host.Length == 0)
        {
            throw new FormatException("the LOCATION of the app's Redis cache names no host; " + Forms);
        }

        return (Server(uri.DnsSafeHost, uri.Port > 0 ? uri.Port : DefaultPort), user, password, Known(path.Trim('/')),
            uri.Scheme == "rediss", options);
    }

    private static DnsEndPoint Server(string host, int port) => port is > 0 and <= ushort.MaxValue
        ? new DnsEndPoint(host, port) : throw new FormatException("a port of the app's Redis cache is not 1 to 65535");

    private static string? Known(string text) => text.Length == 0 ? null : Uri.UnescapeDataString(text);

    private static int Number(string text) => int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= 0
        ? number : throw new FormatException("the database of the app's Redis cache is not a number from 0; " + Forms);
}

/// <summary>The name Sentinels know the app's Redis by, and how to authenticate with the Sentinels themselves.</summary>
internal sealed record RedisSentinel(string Service, string? User, string? Password)
{
    public override string ToString() => Service;
}
