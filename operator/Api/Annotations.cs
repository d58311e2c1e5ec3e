namespace SessionOperator.Operator.Api;

/// <summary>Every annotation and label of ours, each once. docs/reference/annotations.md has one row for each; scripts/test compares.</summary>
public static class Annotations
{
    /// <summary>What all keys of ours begin with.</summary>
    public const string Prefix = "sessionoperator.dev/";

    /// <summary>On a workload, a pod template or a namespace: the SessionDatabase whose sessions the app keeps.</summary>
    public const string Database = "sessionoperator.dev/database";

    /// <summary>On a workload or a pod template: the containers that get the adapter, separated by commas.</summary>
    public const string Containers = "sessionoperator.dev/containers";

    /// <summary>On a workload or a pod template: "false" leaves the pods alone where the namespace has a default.</summary>
    public const string Inject = "sessionoperator.dev/inject";

    /// <summary>On a workload or a pod template: the PYTHONPATH that the app's image sets, if it sets one.</summary>
    public const string PythonPath = "sessionoperator.dev/pythonpath";

    /// <summary>On a workload or a pod template: "true" lets the app's own queries fail at once while its database does not answer.</summary>
    public const string FailFast = "sessionoperator.dev/fail-fast";

    /// <summary>On a SessionDatabase: rehearses an outage of that length.</summary>
    public const string Drill = "sessionoperator.dev/drill";

    /// <summary>Set on an injected pod: the SessionDatabase as namespace/name.</summary>
    public const string Injected = "sessionoperator.dev/injected";

    /// <summary>Set on an injected pod: the authorities that vouch for the operator, in PEM.</summary>
    public const string Authorities = "sessionoperator.dev/ca";

    /// <summary>Set on a pod template when its pods are rolled out again to be injected: when.</summary>
    public const string HealedAt = "sessionoperator.dev/healed-at";

    /// <summary>Label, set on an injected pod: how the sidecar runs, "native" or "plain".</summary>
    public const string SidecarLabel = "sessionoperator.dev/sidecar";

    /// <summary>What a workload's annotations are carried into its pod template.</summary>
    public static readonly IReadOnlyList<string> Carried = [Database, Containers, Inject, PythonPath, FailFast];
}
