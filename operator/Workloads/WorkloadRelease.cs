using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Workloads;

/// <summary>
/// Takes out of all pod templates what was carried into them, once the operator is gone: a rollout of each follows, and its
/// pods are as they were before us. What people wrote on their workloads stays theirs.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="time">The clock of pauses.</param>
/// <param name="say">Told of each workload.</param>
public sealed class WorkloadRelease(ApiCalls calls, TimeProvider time, Action<string> say)
{
    private const int PageSize = 100;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <returns>How many there were.</returns>
    /// <param name="namespaces">Where to look; empty: everywhere.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="ApiException">The API server refuses.</exception>
    /// <exception cref="ApiUnavailableException">It does not answer, for two minutes.</exception>
    public async Task<int> RunAsync(IReadOnlyCollection<string> namespaces, CancellationToken cancellation)
    {
        var released = 0;
        foreach (var kind in WorkloadKind.All)
        {
            foreach (var place in namespaces.Count == 0 ? [null] : namespaces.Select(string? (name) => name))
            {
                released += await ReleaseAllAsync(kind, place, cancellation);
            }
        }
        return released;
    }

    private async Task<int> ReleaseAllAsync(WorkloadKind kind, string? place, CancellationToken cancellation)
    {
        for (var released = 0; ;)
        {
            var changed = 0;
            foreach (var workload in await ListAsync(kind, place, cancellation))
            {
                switch (await ReleaseAsync(workload, cancellation))
                {
                    case true:
                        released++;
                        say($"{workload.Key}: its pod template is as it was; a rollout follows");
                        break;
                    case null:
                        changed++;
                        break;
                    default:
                        break;
                }
            }
            if (changed == 0)
            {
                return released;
            }
        }
    }

    /// <summary>Those of whose templates something is ours.</summary>
    private async Task<List<Workload>> ListAsync(WorkloadKind kind, string? place, CancellationToken cancellation)
    {
        var target = new WatchTarget(kind.Resource, place);
        var found = new List<Workload>();
        for (string? next = null; ;)
        {
            var page = await Patiently(() => calls.GetAsync<JsonElement>(target.ListUri(PageSize, next), cancellation), cancellation);
            found.AddRange(page.Items("items").Select(item => ObjectMeta.Read(item) is { } meta ? Workload.Read(kind, item, meta) : null)
                .OfType<Workload>().Where(workload => !workload.Carried.IsEmpty));
            next = page.At("metadata").Text("continue");
            if (string.IsNullOrEmpty(next))
            {
                return found;
            }
        }
    }

    /// <summary>False when it is gone; null when it changed since, as its status does all the time: to be read once more.</summary>
    private async Task<bool?> ReleaseAsync(Workload workload, CancellationToken cancellation)
    {
        try
        {
            return await Patiently(
                async () =>
                {
                    await TemplateWriter.ApplyAsync(calls, workload, ImmutableSortedDictionary<string, string>.Empty, cancellation);
                    return true;
                },
                cancellation);
        }
        catch (ApiException changed) when (changed.Status == HttpStatusCode.Conflict)
        {
            return null;
        }
        catch (ApiException gone) when (gone.Status == HttpStatusCode.NotFound)
        {
            return false;
        }
    }

    private async Task<T> Patiently<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (ApiUnavailableException) when (time.GetElapsedTime(begun) < s_patience)
            {
                await Task.Delay(s_pause, time, cancellation);
            }
        }
    }
}
