using System.Text.Json;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>What tells one object from another, and one state of it from the next.</summary>
/// <param name="Namespace">Empty for kinds that have none.</param>
/// <param name="Name">Its name.</param>
/// <param name="Uid">Differs between an object and its successor of the same name.</param>
/// <param name="ResourceVersion">Opaque: only equality means something.</param>
public sealed record ObjectMeta(string Namespace, string Name, string Uid, string ResourceVersion)
{
    /// <summary>Null when this is no object with a name and a version.</summary>
    /// <param name="source">The whole object.</param>
    public static ObjectMeta? Read(JsonElement source)
    {
        var meta = source.At("metadata");
        return meta.Text("name") is { Length: > 0 } name && meta.Text("resourceVersion") is { Length: > 0 } version
            ? new ObjectMeta(meta.Text("namespace") ?? "", name, meta.Text("uid") ?? "", version)
            : null;
    }
}
