using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Injection;

/// <summary>What watches and certificates have brought into memory.</summary>
/// <param name="versions">Of server and nodes.</param>
/// <param name="defaults">Of namespaces.</param>
/// <param name="databases">All SessionDatabases that are watched.</param>
/// <param name="bundle">Whom sidecars are to trust.</param>
/// <param name="isSynced">Everything has been listed once: absence means absence.</param>
public sealed class ClusterSurroundings(
    ClusterVersions versions, NamespaceDefaults defaults, SessionDatabases databases, ICertificateBundle bundle, Func<bool> isSynced) : ISurroundings
{
    public Surroundings Of(string ns) => new(
        ns, versions.HasNativeSidecars, bundle.Pem, defaults.Of(ns),
        isSynced() ? databases.All.Where(database => database.Metadata.Namespace == ns).Select(database => database.Metadata.Name).ToHashSet() : null);
}
