namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>
/// Takes in what a watch sees. Called one at a time and in order, on the watch's own loop, which waits: a sink that
/// takes long makes the watch stale, and one that throws makes it start over, visibly.
/// </summary>
/// <typeparam name="T">What an object is boiled down to: small, immutable.</typeparam>
public interface IWatchSink<T> where T : class
{
    /// <param name="previous">What was last known of the same object (same UID); null when it is new.</param>
    /// <param name="current">What it is now.</param>
    /// <param name="cancellation">The watch is told to stop.</param>
    ValueTask Upserted(T? previous, T current, CancellationToken cancellation);

    /// <summary>It is gone; also told of what went unseen, and of an object that was replaced by another of the same name.</summary>
    /// <param name="last">What was last known of it.</param>
    /// <param name="cancellation">The watch is told to stop.</param>
    ValueTask Removed(T last, CancellationToken cancellation);

    /// <summary>A whole list is about to be told as differences: until <see cref="Listed"/> what is known is a mixture of old and new.</summary>
    /// <param name="cancellation">The watch is told to stop.</param>
    ValueTask Listing(CancellationToken cancellation) => ValueTask.CompletedTask;

    /// <summary>
    /// The server's whole list has just been taken in (the differences were told before): from now on absence means
    /// absence. Called with nothing when the kind is not installed.
    /// </summary>
    /// <param name="all">All that there is; valid during the call only.</param>
    /// <param name="cancellation">The watch is told to stop.</param>
    ValueTask Listed(IReadOnlyCollection<T> all, CancellationToken cancellation);
}
