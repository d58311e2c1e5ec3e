namespace SessionOperator.Sidecar.Cache;

/// <summary>A value of the shared cache with the token a compare-and-swap needs.</summary>
/// <param name="Value">The bytes stored.</param>
/// <param name="Token">What <see cref="ICacheStore.CompareAndSwapAsync"/> takes.</param>
public readonly record struct CacheValue(byte[] Value, ulong Token);

/// <summary>The few operations the sidecar needs of the cache that all pods share.</summary>
/// <remarks>Every operation throws <see cref="CacheUnavailableException"/> when the cache does not answer in time or refuses.</remarks>
internal interface ICacheStore : IAsyncDisposable
{
    Task<CacheValue?> GetAsync(string key, CancellationToken cancel);

    /// <summary>False if the key exists.</summary>
    Task<bool> AddAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel);

    /// <summary>False if the value changed or went since it was read.</summary>
    Task<bool> CompareAndSwapAsync(string key, ReadOnlyMemory<byte> value, ulong token, TimeSpan life, CancellationToken cancel);

    /// <summary>Sets a value wherever a client of the app might look for it.</summary>
    Task SetEverywhereAsync(string key, ReadOnlyMemory<byte> value, TimeSpan life, CancellationToken cancel);

    /// <summary>Whether any place a client of the app might have used holds the key.</summary>
    Task<bool> GetAnywhereAsync(string key, CancellationToken cancel);

    /// <summary>Whether every place that <see cref="SetEverywhereAsync"/> writes to still holds the key.</summary>
    Task<bool> GetEverywhereAsync(string key, CancellationToken cancel);

    /// <summary>Deletes a key wherever a client of the app might have put it; a key that is not there is no error.</summary>
    Task DeleteEverywhereAsync(string key, CancellationToken cancel);
}

/// <summary>The cache did not answer, or answered with an error.</summary>
internal sealed class CacheUnavailableException : Exception
{
    public CacheUnavailableException(string message, Exception? inner = null) : base(message, inner) { }
}
