namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>
/// What a watch knows, and the sink's view of it: the sink is told first, then it is remembered, so that what a
/// failing sink did not take in is told again.
/// </summary>
internal sealed class ResourceStore<T>(IWatchSink<T> sink) where T : class
{
    private readonly Dictionary<Key, Entry> _known = [];

    public int Count => _known.Count;

    /// <summary>What is known of the same object, with the version it was known at.</summary>
    public (ObjectMeta Meta, T Value)? Find(ObjectMeta meta) =>
        _known.TryGetValue(Key.Of(meta), out var entry) && entry.Meta.Uid == meta.Uid ? (entry.Meta, entry.Value) : null;

    public async ValueTask Upsert(ObjectMeta meta, T value, CancellationToken cancellation)
    {
        var key = Key.Of(meta);
        if (_known.TryGetValue(key, out var known))
        {
            if (known.Meta == meta)
            {
                return;
            }
            if (known.Meta.Uid != meta.Uid)
            {
                await Remove(key, cancellation);
                known = null;
            }
        }
        await sink.Upserted(known?.Value, value, cancellation);
        _known[key] = new Entry(meta, value);
    }

    public ValueTask Remove(ObjectMeta meta, CancellationToken cancellation) => Remove(Key.Of(meta), cancellation);

    /// <summary>This is all there is: the rest is gone.</summary>
    public async ValueTask Replace(IReadOnlyList<(ObjectMeta Meta, T Value)> all, CancellationToken cancellation)
    {
        await sink.Listing(cancellation);
        var named = all.Select(item => Key.Of(item.Meta)).ToHashSet();
        foreach (var key in _known.Keys.Where(key => !named.Contains(key)).ToList())
        {
            await Remove(key, cancellation);
        }
        foreach (var (meta, value) in all)
        {
            await Upsert(meta, value, cancellation);
        }
        await sink.Listed([.. _known.Values.Select(entry => entry.Value)], cancellation);
    }

    private async ValueTask Remove(Key key, CancellationToken cancellation)
    {
        if (_known.TryGetValue(key, out var known))
        {
            await sink.Removed(known.Value, cancellation);
            _known.Remove(key);
        }
    }

    private readonly record struct Key(string Namespace, string Name)
    {
        public static Key Of(ObjectMeta meta) => new(meta.Namespace, meta.Name);
    }

    private sealed record Entry(ObjectMeta Meta, T Value);
}
