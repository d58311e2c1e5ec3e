using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Injection;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Operator.Housekeeping.Workloads;

/// <summary>
/// Looks after annotated workloads: tells their owners of annotations that do nothing, notices pods that run without the
/// sidecar, and rolls their workloads out again, one at a time, where that is allowed.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="workloads">Knows them from its watches.</param>
/// <param name="databases">Pods are looked at in their namespaces.</param>
/// <param name="surroundings">As the webhook knows them.</param>
/// <param name="settings">As pods are injected.</param>
/// <param name="heal">Workloads may be rolled out again.</param>
/// <param name="events">Where things are told.</param>
/// <param name="time">The clock.</param>
/// <param name="log">For what the API server refuses.</param>
public sealed partial class WorkloadKeeper(
    ApiCalls calls, WorkloadCarrier workloads, SessionDatabases databases, ISurroundings surroundings, InjectionSettings settings, bool heal,
    EventWriter events, TimeProvider time, ILogger log)
{
    private const int PageSize = 200;
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(5);

    /// <summary>Turns between two looks at the pods, which are many.</summary>
    private const int Looks = 3;

    private readonly ConcurrentDictionary<string, IReadOnlyList<BarePod>> _bare = new();
    private Dictionary<string, HashSet<Remark>> _remarks = [];
    private bool _refused;

    /// <summary>The pods of that SessionDatabase that lack the sidecar; null while nobody has looked.</summary>
    public IReadOnlyList<BarePod>? Find(SessionDatabase database) =>
        _bare.TryGetValue(database.Metadata.Namespace, out var bare) ? [.. bare.Where(pod => pod.Database == database.Metadata.Name)] : null;

    public async Task Work(Term term)
    {
        using var timer = new PeriodicTimer(s_turn, time);
        for (var turn = 0; await timer.WaitForNextTickAsync(term.Over); turn++)
        {
            Remark(term);
            if (turn % Looks != 0)
            {
                continue;
            }
            try
            {
                await Look(term.Over);
                await Heal(term);
                _refused = false;
            }
            catch (Exception away) when (away is ApiException or ApiUnavailableException)
            {
                if (!_refused)
                {
                    _refused = true;
                    Away(away.Message);
                }
            }
        }
    }

    /// <summary>What is seen twice in a row is told once: annotation and SessionDatabase may come in any order.</summary>
    private void Remark(Term term)
    {
        var now = new Dictionary<string, HashSet<Remark>>();
        foreach (var workload in workloads.All)
        {
            var key = workload.Key;
            if (workload.Asked.IsEmpty && workload.Template.IsEmpty && workload.Astray.IsEmpty)
            {
                continue;
            }
            now[key] = [.. Remarks.On(workload, surroundings.Of(workload.Meta.Namespace), settings)];
            foreach (var remark in now[key].Where(remark => _remarks.TryGetValue(key, out var before) && before.Contains(remark)))
            {
                Post(workload, true, remark.Reason, remark.Message, $"{remark.Reason} {remark.Message}", term);
            }
        }
        _remarks = now;
    }

    private async Task Look(CancellationToken cancellation)
    {
        var places = databases.All.Select(database => database.Metadata.Namespace).ToHashSet(StringComparer.Ordinal);
        foreach (var place in places)
        {
            var around = surroundings.Of(place);
            var found = new List<BarePod>();
            var target = new WatchTarget(ResourceKind.Pods, place) { LabelSelector = $"!{Annotations.SidecarLabel}" };
            for (string? next = null; ;)
            {
                var page = await calls.GetAsync<JsonElement>(target.ListUri(PageSize, next), cancellation);
                found.AddRange(page.Items("items").Select(pod => BarePod.Read(pod, around, settings)).OfType<BarePod>());
                next = page.At("metadata").Text("continue");
                if (string.IsNullOrEmpty(next))
                {
                    break;
                }
            }
            _bare[place] = found;
        }
        foreach (var gone in _bare.Keys.Except(places).ToList())
        {
            _bare.TryRemove(gone, out _);
        }
    }

    private async Task Heal(Term term)
    {
        if (!heal || !term.Holds || Healing.Next(_bare.Values.SelectMany(pods => pods), workloads.Find, time.GetUtcNow()) is not { } workload)
        {
            return;
        }
        var at = Healing.Write(time.GetUtcNow());
        var template = workload.Template.Where(pair => workload.Carried.Contains(pair.Key)).ToImmutableSortedDictionary(StringComparer.Ordinal).SetItem(Annotations.HealedAt, at);
        try
        {
            await TemplateWriter.ApplyAsync(calls, workload, template, term.Over);
        }
        catch (ApiException changed) when (changed.Status is HttpStatusCode.Conflict or HttpStatusCode.NotFound)
        {
            // It changed, or went: the next turn sees.
            return;
        }
        Post(workload, false, "Healing", "pods of it run without the sidecar, as they were made while the webhook did not answer: it is rolled out again", at, term);
    }

    private void Post(Workload workload, bool warning, string reason, string message, string key, Term term) => events.Post(
        new Note(
            new Subject($"{workload.Kind.Resource.Group}/{workload.Kind.Resource.Version}", workload.Kind.Name, workload.Meta.Namespace, workload.Meta.Name, workload.Meta.Uid),
            warning, reason, message)
        {
            Key = key,
            Until = term.Over,
        });

    [LoggerMessage(EventId = 88, Level = LogLevel.Warning, Message = "Pods without the sidecar cannot be looked for, or not healed ({Why}); retrying")]
    private partial void Away(string why);
}
