using System.Net;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>
/// Keeps decisions in the status of their SessionDatabase. A write names the resourceVersion it was decided on, so that
/// of several replicas one wins and the others learn what it wrote; a change of anything but the decision is no loss
/// and is written over again on the newer version.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="databases">The newest that is known.</param>
public sealed class KubernetesDecisionStore(ApiCalls calls, SessionDatabases databases) : IDecisionStore
{
    /// <summary>How long one write may take, with all its attempts.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(3);

    public ValueTask<StoredState?> ReadAsync(string database, CancellationToken cancellation) =>
        ValueTask.FromResult(DecisionStatus.Read(Known(database)));

    public async ValueTask<WriteOutcome> TryWriteAsync(
        string database, string? expectedVersion, DatabaseState next, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Deadline);
        try
        {
            var current = Known(database);
            while (true)
            {
                // A status that somebody has emptied decides nothing: ours is written.
                var stored = DecisionStatus.Read(current);
                if (stored is not null && (stored.Version != expectedVersion || stored.State.Decision.Epoch > next.Decision.Epoch))
                {
                    return new WriteOutcome(false, stored);
                }
                if (await TryPatchAsync(current, next, deadline.Token) is { } written)
                {
                    databases.Offer(written);
                    return new WriteOutcome(true, DecisionStatus.Read(written)!);
                }
                current = await calls.GetAsync<SessionDatabase>(PathOf(current), deadline.Token);
                databases.Offer(current);
            }
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new DecisionStoreUnavailableException($"the API server took more than {Deadline.TotalSeconds:0.#} s", late);
        }
        catch (ApiUnavailableException away)
        {
            throw new DecisionStoreUnavailableException(away.Message, away);
        }
        catch (ApiException refused)
        {
            throw new DecisionStoreUnavailableException(Explain(refused), refused);
        }
    }

    public IDisposable Subscribe(string database, Action<StoredState> changed) => databases.Subscribe(change =>
    {
        if (change.After is { } after && after.Key == database
            && DecisionStatus.Read(after) is { } stored && stored.Version != (change.Before is { } before ? DecisionStatus.Read(before)?.Version : null))
        {
            changed(stored);
        }
    });

    internal static string PathOf(SessionDatabase database) =>
        $"{ResourceKind.SessionDatabases.Path(database.Metadata.Namespace)}/{database.Metadata.Name}";

    /// <summary>Null when somebody else's write came first.</summary>
    private async Task<SessionDatabase?> TryPatchAsync(SessionDatabase current, DatabaseState next, CancellationToken cancellation)
    {
        var revision = (current.Status?.Basis?.Revision ?? 0) + 1;
        try
        {
            return await calls.MergeAsync<SessionDatabase>(
                $"{PathOf(current)}/status",
                new { metadata = new { current.Metadata.Uid, current.Metadata.ResourceVersion }, status = DecisionStatus.Write(next, revision) },
                cancellation);
        }
        catch (ApiException conflict) when (conflict.Status == HttpStatusCode.Conflict)
        {
            return null;
        }
    }

    private SessionDatabase Known(string database) => databases.Find(database)
        ?? throw new DecisionStoreUnavailableException($"SessionDatabase {database} is not there (any more)");

    internal static string Explain(ApiException refused) => refused.Status switch
    {
        HttpStatusCode.Forbidden => $"the operator may not change sessiondatabases/status; give its service account the verb patch ({refused.Message})",
        HttpStatusCode.NotFound => "the SessionDatabase has just been deleted",
        HttpStatusCode.UnprocessableEntity => $"the API server does not accept the status; install the resource definition of this version ({refused.Message})",
        _ => $"the API server says {(int)refused.Status}: {refused.Message}",
    };
}
