using System.Collections.Concurrent;
using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Injection;

/// <summary>A namespace, and the SessionDatabase it names for all its pods.</summary>
/// <param name="Name">The namespace.</param>
/// <param name="Database">Null when it names none.</param>
public sealed record NamespaceDefault(string Name, string? Database)
{
    public static NamespaceDefault Read(JsonElement source, ObjectMeta meta) =>
        new(meta.Name, source.At("metadata", "annotations").Text(Annotations.Database) is { Length: > 0 } database ? database : null);
}

/// <summary>The defaults of all namespaces, from a watch. Reads take no lock.</summary>
public sealed class NamespaceDefaults : IWatchSink<NamespaceDefault>
{
    private readonly ConcurrentDictionary<string, string> _databases = new();

    /// <summary>Null without one.</summary>
    public string? Of(string ns) => _databases.GetValueOrDefault(ns);

    public ValueTask Upserted(NamespaceDefault? previous, NamespaceDefault current, CancellationToken cancellation)
    {
        if (current.Database is { } database)
        {
            _databases[current.Name] = database;
        }
        else
        {
            _databases.TryRemove(current.Name, out _);
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask Removed(NamespaceDefault last, CancellationToken cancellation)
    {
        _databases.TryRemove(last.Name, out _);
        return ValueTask.CompletedTask;
    }

    public ValueTask Listed(IReadOnlyCollection<NamespaceDefault> all, CancellationToken cancellation) => ValueTask.CompletedTask;
}
