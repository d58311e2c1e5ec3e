using System.Globalization;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Operator.Housekeeping.Workloads;

/// <summary>Decides which workload is rolled out again so that its pods get the sidecar. Pure; the memory is in the pod templates.</summary>
public static class Healing
{
    /// <summary>A rollout of ours that is not through after this long keeps no other workload waiting.</summary>
    public static readonly TimeSpan Rollout = TimeSpan.FromMinutes(10);

    /// <summary>The same workload is rolled out again at most this often: if its pods still lack the sidecar, another one would not help.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromHours(1);

    /// <summary>Null when none is, now.</summary>
    /// <param name="bare">All pods that lack the sidecar.</param>
    /// <param name="find">A workload by its key; null when it is not known.</param>
    /// <param name="now">The time.</param>
    public static Workload? Next(IEnumerable<BarePod> bare, Func<string, Workload?> find, DateTimeOffset now)
    {
        var workloads = bare.Where(pod => pod is { Refusal: null, Workload: not null }).Select(pod => pod.Workload!)
            .Distinct().Order(StringComparer.Ordinal).Select(find).OfType<Workload>().ToList();
        return workloads.Exists(workload => now - HealedAt(workload) < Rollout) ? null : workloads.Find(workload => !(now - HealedAt(workload) < Pause));
    }

    public static string Write(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static DateTimeOffset? HealedAt(Workload workload) => DateTimeOffset.TryParse(
        workload.Template.GetValueOrDefault(Annotations.HealedAt), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
