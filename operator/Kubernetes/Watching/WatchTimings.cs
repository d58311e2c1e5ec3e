namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>How long a watch waits for what, and how much it takes in at once.</summary>
public sealed record WatchTimings
{
    public static readonly WatchTimings Usual = new();

    /// <summary>
    /// The server is asked to end a watch after this long (up to a quarter less, so that watches do not end together).
    /// Bookmarks alone prove no life: a server sends none for a kind of which it has seen no change since its start.
    /// </summary>
    public TimeSpan ServerTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Nothing whole, not even a bookmark or the end, for this long: the watch is dead. More than <see cref="ServerTimeout"/>.</summary>
    public TimeSpan ReadDeadline { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>How long the server may take to begin its answer to a watch.</summary>
    public TimeSpan AnswerDeadline { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long one page of a list may take, from request to last byte.</summary>
    public TimeSpan PageDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Wait before the first retry; doubled up to <see cref="LongestPause"/>, each time shortened by a random part of up to a half.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A server that asks for more patience than this (Retry-After) gets this much.</summary>
    public TimeSpan LongestRetryAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A watch that lived this long, or told something, was healthy: the pauses start over.</summary>
    public TimeSpan Healthy { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between looks for a kind that is not installed.</summary>
    public TimeSpan NotInstalledPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A kind must be missing for this long before its known objects count as gone: a server that has just started
    /// answers 404 for custom resources it has not read yet.
    /// </summary>
    public TimeSpan NotInstalledDoubt { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Without proof of life for this long what is known is stale; see <see cref="WatchHealth.IsFresh"/>.</summary>
    public TimeSpan FreshFor => ReadDeadline + PageDeadline;

    /// <summary>Objects in one page of a list.</summary>
    public int PageSize { get; init; } = 250;

    /// <summary>Bytes of one page; a longer one is asked for again with half as many objects.</summary>
    public int MaxPage { get; init; } = 32 * 1024 * 1024;

    /// <summary>Bytes of one line of a watch. etcd takes objects of 1.5 MiB, and JSON escapes.</summary>
    public int MaxLine { get; init; } = 4 * 1024 * 1024;
}
