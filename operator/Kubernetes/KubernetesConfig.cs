using System.Net;
using SessionOperator.Operator.Standalone;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Where the operator's certificate comes from.</summary>
public enum CertificateSource
{
    /// <summary>An authority of its own.</summary>
    Own,

    /// <summary>Files that somebody else keeps, such as cert-manager.</summary>
    Files,
}

/// <summary>What the file given to --kubernetes says, and what the pod's environment adds.</summary>
/// <param name="Grpc">Where sidecars connect.</param>
/// <param name="Http">Where /metrics, /healthz and /readyz are served.</param>
/// <param name="Webhook">Where the API server's admission requests arrive.</param>
/// <param name="Lease">How long a decision holds without being renewed.</param>
/// <param name="Namespaces">Where to work; empty: everywhere.</param>
/// <param name="Release">What the operator's own objects are called.</param>
/// <param name="Certificates">Where its certificate comes from.</param>
/// <param name="PodName">This replica.</param>
/// <param name="PodNamespace">Where it and its own objects are.</param>
public sealed record KubernetesConfig(
    IPEndPoint Grpc, IPEndPoint Http, IPEndPoint Webhook, TimeSpan Lease, IReadOnlyList<string> Namespaces, string Release,
    CertificateSource Certificates, string PodName, string PodNamespace)
{
    /// <summary>What to watch, in the words of a watch's namespace: null is everywhere.</summary>
    public IReadOnlyList<string?> Places => Namespaces.Count == 0 ? [null] : [.. Namespaces.Select(string? (name) => name)];

    /// <summary>What injected sidecars look like; read by those who inject.</summary>
    public ConfigSection Sidecar { get; init; } = ConfigSection.Missing("sidecar");

    /// <summary>Whether and how pods are injected; read by those who inject.</summary>
    public ConfigSection Injection { get; init; } = ConfigSection.Missing("injection");
}

/// <summary>A part of the file that whoever needs it reads, with complaints that name file and line.</summary>
/// <param name="File">The name used in messages.</param>
/// <param name="Path">The field.</param>
/// <param name="Node">Null when it is not written.</param>
public sealed record ConfigSection(string File, string Path, YamlNode? Node)
{
    public static ConfigSection Missing(string path) => new("", path, null);

    /// <summary>Null when the section is not written.</summary>
    /// <param name="known">All that may be written there.</param>
    /// <exception cref="ConfigException">Something else is written there.</exception>
    internal YamlFields? Fields(params string[] known) => Node is null ? null : new YamlFields(File, Path, Node, known);
}
