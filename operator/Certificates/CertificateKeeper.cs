using System.Collections.Immutable;

namespace SessionOperator.Operator.Certificates;

/// <summary>
/// Keeps the certificates of our own authority: looks at what is stored, does what is due, and takes it into use. Every
/// replica runs one; of two that do the same step, one wins and the other takes over what it wrote.
/// </summary>
public sealed partial class CertificateKeeper(
    ICertificateStore store, ImmutableSortedSet<string> names, RotationTimes times, ServedCertificate served,
    CertificateMetrics metrics, TimeProvider time, ILogger log) : BackgroundService
{
    /// <summary>How often the store is looked at: also how late a replica learns of another's rotation.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private const int MaxTries = 10;
    private bool _storeReached = true;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Turn(stoppingToken);
            await Task.Delay(served.IsReady ? Interval : s_retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Does once what is due. When the store is away, what is in use stays in use.</summary>
    public async Task Turn(CancellationToken cancellation)
    {
        try
        {
            // Each round either writes or learns of somebody else's write, after which less is due.
            for (var tries = 0; tries < MaxTries; tries++)
            {
                var stored = await store.ReadAsync(cancellation);
                var next = Rotation.Advance(stored.State, names, time.GetUtcNow(), times);
                if (ReferenceEquals(next, stored.State) || await store.TryWriteAsync(stored.Version, next, cancellation))
                {
                    Adopt(stored.State, next);
                    return;
                }
            }
            throw new CertificateStoreException($"somebody else wrote first, {MaxTries} times in a row");
        }
        catch (CertificateStoreException away) when (!cancellation.IsCancellationRequested)
        {
            if (_storeReached)
            {
                StoreGone(away.Message);
            }
            _storeReached = false;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Told to stop in the middle of a request.
        }
    }

    private void Adopt(CertificateState before, CertificateState now)
    {
        var serving = now.Serving!;
        served.Use(serving.Certificate, serving.Key, now.Bundle);
        var newest = now.Authorities[^1];
        metrics.Expiry.WithLabels("serving").Set(serving.EndsAt.ToUnixTimeSeconds());
        metrics.Expiry.WithLabels("authority").Set(newest.EndsAt.ToUnixTimeSeconds());
        if (!_storeReached)
        {
            _storeReached = true;
            StoreBack();
        }
        if (serving != before.Serving)
        {
            metrics.Rotations.WithLabels("serving").Inc();
            Signed(string.Join(", ", serving.Names), serving.Issuer, serving.EndsAt);
        }
        if (before.Authorities.All(authority => authority.Name != newest.Name))
        {
            metrics.Rotations.WithLabels("authority").Inc();
            Published(newest.Name, newest.EndsAt);
        }
        foreach (var gone in before.Authorities.Where(old => now.Authorities.All(authority => authority.Name != old.Name)))
        {
            Dropped(gone.Name);
        }
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Information, Message = "New certificate for {Names}, signed by {Authority}, valid until {End:u}")]
    private partial void Signed(string names, string authority, DateTimeOffset end);

    [LoggerMessage(EventId = 41, Level = LogLevel.Information, Message = "New certificate authority {Authority}, valid until {End:u}; it is made known now and signs later")]
    private partial void Published(string authority, DateTimeOffset end);

    [LoggerMessage(EventId = 42, Level = LogLevel.Information, Message = "Certificate authority {Authority} is no longer trusted: nothing it signed is valid any more")]
    private partial void Dropped(string authority);

    [LoggerMessage(EventId = 43, Level = LogLevel.Error, Message = "The certificates cannot be kept ({Why}); those in use stay in use, retrying")]
    private partial void StoreGone(string why);

    [LoggerMessage(EventId = 44, Level = LogLevel.Information, Message = "The certificates can be kept again")]
    private partial void StoreBack();
}
