using StackExchange.Redis;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// Whether a Redis that cannot be used refuses the app's password. The client tells one failure of a connection until it is restored,
/// mostly that it was closed, and never the one behind it; so a connection of its own is made, and given up at the first failure.
/// </summary>
/// <param name="options">The options of that connection, made anew each time.</param>
internal sealed class RedisRefusal(Func<ConfigurationOptions> options)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private int _asking;

    /// <summary>What the latest such connection was told.</summary>
    public bool Unauthorized { get; private set; }

    /// <summary>The server can be used again.</summary>
    public void Over() => Unauthorized = false;

    /// <summary>Finds out, in the background, at most once an interval.</summary>
    public void Ask()
    {
        if (Interlocked.Exchange(ref _asking, 1) == 0)
        {
            _ = AskAsync();
        }
    }

    private async Task AskAsync()
    {
        var once = options();
        once.AbortOnConnectFail = true;
        try
        {
            await using var connection = await ConnectionMultiplexer.ConnectAsync(once);
            Unauthorized = false;
        }
        catch (RedisConnectionException e)
        {
            Unauthorized = e.FailureType == ConnectionFailureType.AuthenticationFailure;
        }
        catch (Exception e) when (RedisStore.IsFailure(e))
        {
            Unauthorized = false;
        }

        await Task.Delay(Interval);
        Volatile.Write(ref _asking, 0);
    }
}
