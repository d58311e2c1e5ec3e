using System.Collections.Concurrent;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// Sessions whose newest state there can be is in this pod's journal: it was acknowledged here since the shared cache was lost, and no
/// other pod serves or builds upon what it has from before. Nothing of it is left when the cache answers again.
/// </summary>
internal sealed class SoleRecords
{
    /// <summary>
    /// What a request saves that was under way when the cache was lost may have been overtaken by a logout elsewhere just before. No
    /// request that has loaded its session before is taken to last longer.
    /// </summary>
    private static readonly TimeSpan UnderWay = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, bool> _born = new(StringComparer.Ordinal);

    /// <summary>Whether the record of the session that is here is the newest there can be.</summary>
    public bool Holds(string key) => _born.ContainsKey(key);

    /// <summary>Whether no other pod can ever have heard of the session.</summary>
    public bool Born(string key) => _born.GetValueOrDefault(key);

    /// <summary>A change was acknowledged here that other pods cannot see.</summary>
    /// <param name="key">The session.</param>
    /// <param name="born">It was created by this.</param>
    /// <param name="lostFor">For how long the cache was known not to answer; null: in this fallback it never has.</param>
    public void Add(string key, bool born, TimeSpan? lostFor)
    {
        if (born || lostFor is not { } time || time > UnderWay)
        {
            _born.TryAdd(key, born);
        }
    }

    public void Clear() => _born.Clear();
}
