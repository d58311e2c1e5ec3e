namespace SessionOperator.Operator.Injection;

/// <summary>Why a pod was left as it is. The names are label values of a metric and reasons of events.</summary>
public enum SkipReason
{
    /// <summary>No annotation asks for it.</summary>
    NotAsked,

    /// <summary>An annotation says "false" against the namespace's default.</summary>
    OptedOut,

    /// <summary>kube-system, or the operator's own namespace.</summary>
    ProtectedNamespace,

    /// <summary>The sidecar is there already.</summary>
    AlreadyInjected,

    /// <summary>Two annotations say opposite things.</summary>
    ContradictoryAnnotations,

    /// <summary>An annotation's value is not of the form it must have.</summary>
    MalformedAnnotation,

    /// <summary>The SessionDatabase is one of another namespace.</summary>
    DatabaseInOtherNamespace,

    /// <summary>There is no SessionDatabase of that name.</summary>
    UnknownDatabase,

    /// <summary>No container of that name.</summary>
    UnknownContainer,

    /// <summary>The pod runs on Windows.</summary>
    Windows,

    /// <summary>The kubelet's image of a static pod, which cannot be changed.</summary>
    MirrorPod,

    /// <summary>The operator's address is a name, and the pod does not use the cluster's DNS.</summary>
    NoClusterDns,

    /// <summary>The pod has no service account, so the sidecar could not say who it is.</summary>
    NoServiceAccount,

    /// <summary>The pod is to end by itself, which a sidecar in a plain container would prevent.</summary>
    RunsToCompletion,

    /// <summary>The pod has a container, volume, mount or variable where ours would be.</summary>
    NameTaken,

    /// <summary>PYTHONPATH comes from a source that may be missing, so nothing can be appended to it.</summary>
    OptionalPythonPath,

    /// <summary>A defect of ours, or a pod we cannot read.</summary>
    Defect,
}
