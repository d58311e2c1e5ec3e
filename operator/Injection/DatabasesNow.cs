using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Injection;

/// <summary>
/// Asks the API server which SessionDatabases there are. A watch may be behind: who creates a SessionDatabase and annotates a
/// Deployment in the next breath has its first pod reviewed by a replica that has not heard of either.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="log">Where it is told that it could not be asked.</param>
public sealed partial class DatabasesNow(ApiCalls calls, ILogger log)
{
    /// <summary>A review is answered within 1.5 s, and the pod waits meanwhile.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromMilliseconds(700);

    /// <summary>SessionDatabases of one namespace that are looked through.</summary>
    private const int Most = 500;

    private readonly ApiCalls _calls = calls.Within(s_deadline);

    /// <param name="ns">The namespace.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <returns>Their names; null if the API server did not say within 0.7 s.</returns>
    public async Task<IReadOnlySet<string>?> NamesAsync(string ns, CancellationToken cancellation)
    {
        try
        {
            var listed = await _calls.GetAsync<Listed>($"{ResourceKind.SessionDatabases.Path(ns)}?limit={Most}", cancellation);
            return listed.Items.Select(item => item.Metadata.Name).ToHashSet();
        }
        catch (Exception e) when (e is ApiException or ApiUnavailableException)
        {
            CouldNotAsk(log, ns, e.Message);
            return null;
        }
    }

    [LoggerMessage(EventId = 68, Level = LogLevel.Warning, Message = "Which SessionDatabases there are in {Namespace} is taken from memory: {Reason}")]
    private static partial void CouldNotAsk(ILogger log, string @namespace, string reason);

    private sealed record Listed(IReadOnlyList<Item> Items);

    private sealed record Item(ItemMetadata Metadata);

    private sealed record ItemMetadata(string Name);
}
