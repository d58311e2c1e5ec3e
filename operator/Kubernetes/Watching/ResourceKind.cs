using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>A kind of object as the API server's paths name it.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Version">Such as v1.</param>
/// <param name="Plural">Such as pods; lower case.</param>
public sealed record ResourceKind(string Group, string Version, string Plural)
{
    public static readonly ResourceKind Pods = new("", "v1", "pods");
    public static readonly ResourceKind Nodes = new("", "v1", "nodes");
    public static readonly ResourceKind Namespaces = new("", "v1", "namespaces");
    public static readonly ResourceKind Deployments = new("apps", "v1", "deployments");
    public static readonly ResourceKind DaemonSets = new("apps", "v1", "daemonsets");
    public static readonly ResourceKind StatefulSets = new("apps", "v1", "statefulsets");
    public static readonly ResourceKind EndpointSlices = new("discovery.k8s.io", "v1", "endpointslices");
    public static readonly ResourceKind EndpointSlicesBeta = new("discovery.k8s.io", "v1beta1", "endpointslices");
    public static readonly ResourceKind SessionDatabases = new(SessionDatabase.Group, SessionDatabase.Version, SessionDatabase.Plural);

    /// <summary>Path below the server's address, without a leading slash.</summary>
    /// <param name="ns">Null for all namespaces, and for kinds that have none.</param>
    public string Path(string? ns)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        return ns is null ? $"{root}/{Plural}" : $"{root}/namespaces/{Uri.EscapeDataString(ns)}/{Plural}";
    }

    /// <summary>The name RBAC rules and kubectl use: plural, and the group if there is one.</summary>
    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}
