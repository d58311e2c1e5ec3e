using k8s.Models;

namespace SessionOperator.Kubernetes.Tests.Servers;

/// <summary>Stand-ins for the resource definitions of database operators: any content is accepted.</summary>
internal static class Definitions
{
    public static V1CustomResourceDefinition Any(string group, string version, string plural, string kind) => new()
    {
        Metadata = new V1ObjectMeta { Name = $"{plural}.{group}", Annotations = new Dictionary<string, string> { ["api-approved.kubernetes.io"] = "unapproved, for a test" } },
        Spec = new V1CustomResourceDefinitionSpec
        {
            Group = group,
            Scope = "Namespaced",
            Names = new V1CustomResourceDefinitionNames { Plural = plural, Kind = kind },
            Versions =
            [
                new V1CustomResourceDefinitionVersion
                {
                    Name = version,
                    Served = true,
                    Storage = true,
                    Schema = new V1CustomResourceValidation { OpenAPIV3Schema = new V1JSONSchemaProps { Type = "object", XKubernetesPreserveUnknownFields = true } },
                },
            ],
        },
    };
}
