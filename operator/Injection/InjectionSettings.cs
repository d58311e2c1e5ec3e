using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>What is the same for every pod that is injected.</summary>
/// <param name="Image">The sidecar's image, which carries the adapter too.</param>
/// <param name="OwnNamespace">The operator's namespace; its pods are never injected.</param>
/// <param name="Operator">Where sidecars connect: https://host:port.</param>
public sealed record InjectionSettings(string Image, string OwnNamespace, Uri Operator)
{
    /// <summary>Always, IfNotPresent, Never; null for the server's choice.</summary>
    public string? PullPolicy { get; init; }

    /// <summary>Secrets of the pod's namespace to pull the image with, added to the pod's own.</summary>
    public IReadOnlyList<string> PullSecrets { get; init; } = [];

    /// <summary>Requests and limits of the sidecar, as in a container's <c>resources</c>.</summary>
    public JsonObject Resources { get; init; } = [];

    /// <summary>The pod's port for the sidecar's metrics; left out where the app declares the same one, or has the node's network.</summary>
    public int MetricsPort { get; init; } = 7081;
}

/// <summary>What is known of the pod's surroundings at the moment it is created.</summary>
/// <param name="Namespace">The pod's namespace, from the request: a pod that is being created may not name it.</param>
/// <param name="NativeSidecars">Server and nodes run init containers with <c>restartPolicy: Always</c>.</param>
/// <param name="Authorities">PEM of the authorities that vouch for the operator; the sidecar hears of later ones over its stream.</param>
/// <param name="NamespaceDatabase">The namespace's default, null without one.</param>
/// <param name="Databases">Names of the SessionDatabases in that namespace; null when they are not known at the moment.</param>
public sealed record Surroundings(
    string Namespace, bool NativeSidecars, string Authorities, string? NamespaceDatabase, IReadOnlySet<string>? Databases);
