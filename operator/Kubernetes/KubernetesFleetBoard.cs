using SessionOperator.Operator.Api;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>
/// The board in the status of the SessionDatabase. A replica writes its own entry by a merge patch without resourceVersion: nobody
/// else writes it, so there is nothing to lose to anyone.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="databases">The newest that is known.</param>
/// <param name="self">This replica's pod.</param>
public sealed class KubernetesFleetBoard(ApiCalls calls, SessionDatabases databases, string self) : IFleetBoard
{
    public string Self => self;

    public SessionDatabaseStatus? Newest(string database) => databases.Find(database)?.Status;

    public async Task WriteAsync(string database, FleetUpdate update, CancellationToken cancellation)
    {
        var current = databases.Find(database) ?? throw new DecisionStoreUnavailableException($"SessionDatabase {database} is not there (any more)");
        // Not an anonymous type: what is not to be touched must not be named at all, since null removes.
        var status = new Dictionary<string, object?> { ["fleet"] = update.Fleet };
        if (update.Summary is { } summary)
        {
            (status["sidecars"], status["unsaved"]) = (summary.Sidecars, summary.Unsaved);
            if (summary.LastOutage is { } outage)
            {
                status["lastOutage"] = outage;
            }
        }
        try
        {
            databases.Offer(await calls.MergeAsync<SessionDatabase>(
                $"{KubernetesDecisionStore.PathOf(current)}/status", new { metadata = new { current.Metadata.Uid }, status }, cancellation));
        }
        catch (ApiUnavailableException away)
        {
            throw new DecisionStoreUnavailableException(away.Message, away);
        }
        catch (ApiException refused)
        {
            throw new DecisionStoreUnavailableException(KubernetesDecisionStore.Explain(refused), refused);
        }
    }

    public IDisposable Subscribe(string database, Action changed) => databases.Subscribe(change =>
    {
        if (change.After?.Key == database)
        {
            changed();
        }
    });
}
