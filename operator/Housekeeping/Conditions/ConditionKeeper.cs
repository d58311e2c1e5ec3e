using System.Net;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Signals;

namespace SessionOperator.Operator.Housekeeping.Conditions;

/// <summary>
/// Writes conditions, which replace the whole list, so only one replica may; each write names the version it was judged on.
/// A conflict is a later turn's business.
/// </summary>
public sealed partial class ConditionKeeper(
    ApiCalls calls, SessionDatabases databases, PodsDirectory pods, WorkloadKeeper? workloads, EventWriter events, TimeProvider time, ILogger log)
{
    /// <summary>Between two writes to one database: whatever changes how quickly, its other writers get through.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, long> _wroteAt = [];
    private bool _reached = true;

    /// <summary>Judges every database once.</summary>
    /// <exception cref="OperationCanceledException">The term is over.</exception>
    public async Task Turn(Term term)
    {
        foreach (var database in databases.All)
        {
            if (!term.Holds)
            {
                return;
            }
            if (!_wroteAt.TryGetValue(database.Key, out var wrote) || time.GetElapsedTime(wrote) >= s_pause)
            {
                await Judge(database, term);
            }
        }
        foreach (var gone in _wroteAt.Keys.Where(name => databases.Find(name) is null).ToList())
        {
            _wroteAt.Remove(gone);
        }
    }

    private async Task Judge(SessionDatabase database, Term term)
    {
        var judged = Judgement.Of(database, pods.Find(database.Key), time.GetUtcNow(), workloads?.Find(database));
        if (ConditionList.Next(database.Status?.Conditions, judged, database.Metadata.Generation, time.GetUtcNow()) is not { } next)
        {
            return;
        }
        _wroteAt[database.Key] = time.GetTimestamp();
        try
        {
            var written = await calls.MergeAsync<SessionDatabase>(
                $"{KubernetesDecisionStore.PathOf(database)}/status",
                new { metadata = new { database.Metadata.Uid, database.Metadata.ResourceVersion }, status = new { conditions = next } }, term.Over);
            databases.Offer(written);
            if (!_reached)
            {
                _reached = true;
                Back();
            }
        }
        catch (ApiException first) when (first.Status is HttpStatusCode.Conflict or HttpStatusCode.NotFound)
        {
            // Somebody else has written, or it is gone: the watch will say.
            return;
        }
        catch (Exception away) when (away is ApiException or ApiUnavailableException)
        {
            if (_reached)
            {
                _reached = false;
                Away(database.Key, away.Message);
            }
            return;
        }
        foreach (var note in ConditionList.Notes(TransitionNotes.SubjectOf(database), database.Status?.Conditions, next))
        {
            events.Post(note with { Until = term.Over });
        }
    }

    [LoggerMessage(EventId = 86, Level = LogLevel.Warning, Message = "{Database}: conditions cannot be written ({Why}); retrying")]
    private partial void Away(string database, string why);

    [LoggerMessage(EventId = 87, Level = LogLevel.Information, Message = "Conditions can be written again")]
    private partial void Back();
}
