namespace SessionOperator.Sidecar.Sessions;

/// <summary>One writer a session at a time within this sidecar; a fixed number of locks, shared by hash.</summary>
internal sealed class KeyLocks
{
    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, 256).Select(_ => new SemaphoreSlim(1))];

    public async Task<IDisposable> EnterAsync(string key, CancellationToken cancel)
    {
        var held = _locks[(string.GetHashCode(key, StringComparison.Ordinal) & int.MaxValue) % _locks.Length];
        await held.WaitAsync(cancel);
        return new Releaser(held);
    }

    private sealed class Releaser(SemaphoreSlim held) : IDisposable
    {
        public void Dispose() => held.Release();
    }
}
