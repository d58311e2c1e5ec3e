using System.Net;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Standalone;

/// <summary>What the file given to --standalone says.</summary>
/// <param name="Grpc">Where sidecars connect: HTTP/2 without TLS.</param>
/// <param name="Http">Where /metrics, /healthz and /readyz are served.</param>
/// <param name="Lease">How long a decision holds without being renewed.</param>
/// <param name="Databases">The databases by "namespace/name".</param>
public sealed record StandaloneConfig(
    IPEndPoint Grpc, IPEndPoint Http, TimeSpan Lease, IReadOnlyDictionary<string, Policy> Databases);

/// <summary>The file cannot be used; the message says where, why, and what to write instead.</summary>
public sealed class ConfigException(string message, Exception? inner = null) : Exception(message, inner);
