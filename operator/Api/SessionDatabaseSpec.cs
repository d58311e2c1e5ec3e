using SessionOperator.Operator.Api.Schema;

namespace SessionOperator.Operator.Api;

[Described("What to watch, and how the apps behave while the database is not writable.")]
public sealed record SessionDatabaseSpec
{
    [Described("The database's own pods, whose going and coming announces outages. Without it the operator relies on the sidecars' probes alone.")]
    public PodsSpec? Pods { get; init; }

    [Described("Name of the Service through which apps reach the writable server, in the namespace of the pods.")]
    [Matches(Patterns.Name), Bounds(1, 63)]
    public string? Service { get; init; }

    [Described("What apps do while the database is not writable. Cache: sessions live in the cache that all pods share, and nothing is lost. SkipSave: saves of unchanged sessions are skipped, others fail with 503.")]
    [OneOf("Cache", "SkipSave"), Default("Cache")]
    public string Fallback { get; init; } = "Cache";

    [Described("When the database is believed again after an outage.")]
    [Default("{}")]
    public RecoverySpec Recovery { get; init; } = new();

    [Described("A maintenance: apps are in fallback until its end, whatever the database does. Remove it to end it early.")]
    public MaintenanceSpec? Maintenance { get; init; }
}

[Described("Either preset and cluster, or a selector.")]
[AnyOf("cluster", "selector")]
public sealed record PodsSpec
{
    [Described("Who runs the database; says which labels its pods carry and what announces a change of primary. Write cluster beside it.")]
    [OneOf("statefulset", "cloudnative-pg", "zalando", "patroni", "mariadb-operator", "bitnami-postgresql", "bitnami-mysql")]
    public string? Preset { get; init; }

    [Described("Name of the cluster as the preset's database operator knows it; of a StatefulSet, its name; of a Helm release, its full name.")]
    [Matches(Patterns.Name), Bounds(1, 63)]
    public string? Cluster { get; init; }

    [Described("Namespace of the pods; the SessionDatabase's own where nothing is written.")]
    [Matches(Patterns.Name), Bounds(1, 63)]
    public string? Namespace { get; init; }

    [Described("Selects the database's pods without a preset, as kubectl -l takes it: app=orders-db,tier!=backup.")]
    [Bounds(1, 512)]
    public string? Selector { get; init; }

    [Described("Of the selected pods, selects the writable one, as kubectl -l takes it: role=primary. Where nothing is written, every selected pod counts.")]
    [Bounds(1, 512)]
    public string? PrimarySelector { get; init; }
}

[Described("When the database is believed again after an outage.")]
public sealed record RecoverySpec
{
    [Described("Committed session writes in a row before the database is believed again.")]
    [Bounds(1, 100), Default(3L)]
    public int Successes { get; init; } = 3;

    [Described("How long these writes must span at least: 0ms to 5m, such as 500ms, 2s or 1m.")]
    [Matches("^([0-9]{1,5}ms|[0-9]{1,2}s|[0-5]m)$"), Default("1s")]
    public string Dwell { get; init; } = "1s";

    [Described("How long unsaved session changes may take to be replayed before apps go back to normal with the rest still being replayed: 1s to 1h, such as 90s or 5m.")]
    [Matches("^([1-9][0-9]{0,2}s|[1-9]m|[1-5][0-9]m|60m|1h)$"), Default("60s")]
    public string DrainDeadline { get; init; } = "60s";
}

[Described("A maintenance of the database.")]
public sealed record MaintenanceSpec
{
    [Described("When it ends at the latest, as in 2026-01-31T04:30:00Z.")]
    [Must]
    public DateTimeOffset Until { get; init; }

    [Described("Why, for people; it appears in reasons, events and logs.")]
    [Bounds(1, 200)]
    public string? Reason { get; init; }
}

/// <summary>Regular expressions that several fields share.</summary>
internal static class Patterns
{
    /// <summary>A name as Kubernetes has it.</summary>
    public const string Name = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
}
