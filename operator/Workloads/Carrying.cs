using System.Collections.Immutable;
using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Workloads;

/// <summary>Decides what of a workload's annotations its pod template is to hold. Pure.</summary>
public static class Carrying
{
    /// <summary>What is to be applied to the template; null when it is as it should be, or when it is too early.</summary>
    /// <param name="workload">As it is.</param>
    /// <param name="ownNamespace">The operator's, where nothing is injected.</param>
    /// <param name="hasDatabase">There is such a SessionDatabase in the workload's namespace.</param>
    public static ImmutableSortedDictionary<string, string>? Next(Workload workload, string ownNamespace, Func<string, bool> hasDatabase)
    {
        var wanted = workload.Meta.Namespace == "kube-system" || workload.Meta.Namespace == ownNamespace
            ? ImmutableSortedDictionary<string, string>.Empty
            : workload.Asked.Where(pair => Annotations.Carried.Contains(pair.Key)).ToImmutableSortedDictionary(StringComparer.Ordinal);
        // When its pods were healed stays in the template, which another rollout would follow otherwise, until it is ours no more.
        if (workload.Carried.Contains(Annotations.HealedAt) && (wanted.ContainsKey(Annotations.Database) || !workload.Carried.Contains(Annotations.Database)))
        {
            wanted = wanted.Add(Annotations.HealedAt, workload.Template.GetValueOrDefault(Annotations.HealedAt, ""));
        }
        // Pods that are rolled out before there is a database would come without the sidecar, and have to go again. What was
        // carried once stays: that a database was deleted is no reason to restart its apps.
        if (wanted.TryGetValue(Annotations.Database, out var database) && !workload.Carried.Contains(Annotations.Database)
            && workload.Template.GetValueOrDefault(Annotations.Database) != database && !hasDatabase(Name(database, workload.Meta.Namespace)))
        {
            return null;
        }
        return IsThere(workload, wanted) ? null : wanted;
    }

    private static bool IsThere(Workload workload, ImmutableSortedDictionary<string, string> wanted) =>
        workload.Carried.SetEquals(wanted.Keys) && wanted.All(pair => workload.Template.GetValueOrDefault(pair.Key) == pair.Value);

    /// <summary>A SessionDatabase may be written with its namespace in front, if that is the workload's own.</summary>
    private static string Name(string database, string ns) => database.StartsWith(ns + "/", StringComparison.Ordinal) ? database[(ns.Length + 1)..] : database;
}
