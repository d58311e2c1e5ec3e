using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// The shared cache on Redis: one server, a Cluster, or the primary that Sentinels name. A record is a string that begins
/// with eight random bytes, drawn anew for each write: the token of the compare-and-swap.
/// </summary>
internal sealed class RedisStore(RedisSettings settings) : ICacheStore
{
    private const int TokenBytes = sizeof(ulong);
    private const CommandFlags Primary = CommandFlags.DemandMaster;

    private const string CompareAndSwap =
        "if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end "
        + "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";

    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a handshake may take, and the pause after a failed one.</summary>
    private static readonly TimeSpan Connect = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<ConnectionMultiplexer>? _connection;
    private readonly RedisRefusal _refusal = new(() => Options(settings));
    private bool _disposed;

    /// <summary>Begins to connect, so that the first session to be saved does not wait for it.</summary>
    public void Warm() => _ = ConnectionAsync();

    public Task<CacheValue?> GetAsync(string key, CancellationToken cancel) => OnAsync(async database =>
    {
        byte[]? stored = await database.StringGetAsync(key, Primary);
        return stored is null ? (CacheValue?)null
            : stored.Length < TokenBytes ? throw new CacheUnavailableException("a record in the cache is not one of ours")
            : new CacheValue(stored[TokenBytes..], BinaryPrimitives.ReadUInt64LittleEndian(stored));
    }, cancel);

    public Task<bool> AddAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel) =>
        OnAsync(database => database.StringSetAsync(key, Stamped(value), life, When.NotExists, Primary), cancel);

    public Task<bool> CompareAndSwapAsync(string key, ReadOnlyMemory<byte> value, ulong token, TimeSpan life, CancellationToken cancel) =>
        OnAsync(async database =>
        {
            var expected = new byte[TokenBytes];
            BinaryPrimitives.WriteUInt64LittleEndian(expected, token);
            return (bool)await database.ScriptEvaluateAsync(
                CompareAndSwap, [key], [expected, Stamped(value), (long)life.TotalMilliseconds], Primary | CommandFlags.NoScriptCache);
        }, cancel);

    // The app writes to the primary and nowhere else, and so do we: an integer as itself is what Django's client and django-redis read.
    public Task SetEverywhereAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel) =>
        OnAsync(database => database.StringSetAsync(key, value, life, When.Always, Primary), cancel);

    public Task<bool> GetAnywhereAsync(string key, CancellationToken cancel) =>
        OnAsync(database => database.KeyExistsAsync(key, Primary), cancel);

    // One place, unlike memcached: the primary of the key.
    public Task<bool> GetEverywhereAsync(string key, CancellationToken cancel) => GetAnywhereAsync(key, cancel);

    public Task DeleteEverywhereAsync(string key, CancellationToken cancel) =>
        OnAsync(database => database.KeyDeleteAsync(key, Primary), cancel);

    public async ValueTask DisposeAsync()
    {
        Task<ConnectionMultiplexer>? connection;
        lock (_lock)
        {
            _disposed = true;
            connection = _connection;
        }

        if (connection is not null)
        {
            await Task.WhenAny(connection);
            if (connection.IsCompletedSuccessfully)
            {
                await (await connection).DisposeAsync();
            }
        }
    }

    private static byte[] Stamped(ReadOnlyMemory<byte> value)
    {
        var stamped = new byte[TokenBytes + value.Length];
        RandomNumberGenerator.Fill(stamped.AsSpan(0, TokenBytes));
        value.Span.CopyTo(stamped.AsSpan(TokenBytes));
        return stamped;
    }

    private async Task<T> OnAsync<T>(Func<IDatabase, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            return await RunAsync(work).WaitAsync(Deadline, cancel);
        }
        catch (Exception e) when (IsFailure(e))
        {
            if (e is RedisConnectionException)
            {
                _refusal.Ask();
            }

            throw new CacheUnavailableException($"{settings} does not answer: {Shown(e)}", e);
        }
    }

    /// <summary>What the client throws when a server cannot be used.</summary>
    internal static bool IsFailure(Exception e) => e is RedisException or RedisCommandException or TimeoutException or SocketException or IOException
        or AuthenticationException or ObjectDisposedException or CryptographicException;

    private async Task<T> RunAsync<T>(Func<IDatabase, Task<T>> work)
    {
        var connection = await ConnectionAsync();
        return await work(connection.GetDatabase(settings.Database));
    }

    private Task<ConnectionMultiplexer> ConnectionAsync()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // A connection that was once made is kept up by the client; one that failed at the start is tried anew.
            return _connection is null or { IsFaulted: true } or { IsCanceled: true } ? _connection = Task.Run(OpenAsync) : _connection;
        }
    }

    private async Task<ConnectionMultiplexer> OpenAsync()
    {
        var connection = await ConnectionMultiplexer.ConnectAsync(Options(settings));
        connection.ConnectionRestored += (_, _) => _refusal.Over();
        return connection;
    }

    private static ConfigurationOptions Options(RedisSettings settings)
    {
        var options = new ConfigurationOptions
        {
            ClientName = "session-operator",
            DefaultDatabase = settings.Database,
            User = settings.User,
            Password = settings.Password,
            ServiceName = settings.Sentinel?.Service,
            SentinelUser = settings.Sentinel?.User,
            SentinelPassword = settings.Sentinel?.Password,
            AbortOnConnectFail = false,
            // A command that waits for a connection would be carried out when nobody counts on it any more.
            BacklogPolicy = BacklogPolicy.FailFast,
            ConnectTimeout = (int)Connect.TotalMilliseconds,
            AsyncTimeout = (int)Deadline.TotalMilliseconds,
            SyncTimeout = (int)Deadline.TotalMilliseconds,
            KeepAlive = 1,
            HeartbeatInterval = Heartbeat,
            ReconnectRetryPolicy = new LinearRetry((int)Connect.TotalMilliseconds),
            // Details name keys, and with them session ids.
            IncludeDetailInExceptions = false,
            // Nothing is ever published or subscribed to.
            ConfigurationChannel = "",
            TieBreaker = "",
            SetClientLibrary = false,
            Ssl = settings.Tls is not null,
        };
        foreach (var server in settings.Servers)
        {
            options.EndPoints.Add(server);
        }

        if (settings.Tls is { } tls)
        {
            options.SslHost = settings.Sentinel is null && settings.Servers is [DnsEndPoint only] ? only.Host : null;
            options.CertificateValidation += (_, certificate, _, errors) => tls.Accepts(certificate, errors);
            if (tls.Certificate is { } certificate)
            {
                options.SetUserPemCertificate(certificate, tls.Key);
            }
        }

        return options;
    }

    // A message may repeat the request, and with it a session key: only a word of the protocol or a kind of failure is shown.
    private string Shown(Exception exception)
    {
        var kind = _refusal.Unauthorized ? nameof(ConnectionFailureType.AuthenticationFailure) : exception.GetType().Name;
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case RedisServerException server:
                    return server.Message.Split(' ', 2)[0] is { Length: <= 20 } word && word.All(char.IsAsciiLetterUpper) ? word : "an error";
                case RedisConnectionException connection when !_refusal.Unauthorized:
                    kind = connection.FailureType.ToString();
                    break;
            }
        }

        return kind;
    }
}
