using System.Collections.Concurrent;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>What a SessionDatabase's selector finds.</summary>
/// <param name="Selected">Pods.</param>
/// <param name="Candidates">Of these, how many may be the one that takes writes, as far as labels say.</param>
/// <param name="Problem">Why nothing can be selected; empty when it can.</param>
public readonly record struct PodsSeen(int Selected, int Candidates, string Problem = "");

/// <summary>The pods of all databases, as this replica sees them. Thread-safe.</summary>
public sealed class PodsDirectory
{
    private readonly ConcurrentDictionary<string, PodsSeen> _all = new();

    /// <summary>Null while they have not been listed, and where none are to be watched.</summary>
    public PodsSeen? Find(string database) => _all.TryGetValue(database, out var seen) ? seen : null;

    public void Set(string database, PodsSeen seen) => _all[database] = seen;

    public void Remove(string database) => _all.TryRemove(database, out _);
}
