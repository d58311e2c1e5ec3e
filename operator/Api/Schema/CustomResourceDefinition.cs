using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Api.Schema;

/// <summary>The custom resource definition of <see cref="SessionDatabase"/>, made from its C# types.</summary>
public static class CustomResourceDefinition
{
    private const string Header = """
        # Made from operator/Api by `SessionOperator.Operator --print-crd`; do not edit. `scripts/test crd` compares.

        """;

    /// <summary>What `kubectl get` shows, in at most 100 columns for a name of 30; priority 1: only with -o wide.</summary>
    private static readonly (string Name, string Type, string Path, int Priority)[] s_columns =
    [
        ("Phase", "string", ".status.phase", 0),
        ("Mode", "string", ".status.mode", 0),
        ("Sidecars", "integer", ".status.sidecars", 0),
        ("Unsaved", "integer", ".status.unsaved", 0),
        ("Last Outage", "date", ".status.lastOutage.from", 0),
        ("Age", "date", ".metadata.creationTimestamp", 0),
        ("Epoch", "integer", ".status.epoch", 1),
        ("Reason", "string", ".status.reason", 1),
    ];

    public static string Yaml()
    {
        var text = new StringWriter { NewLine = "\n" };
        text.Write(Header);
        new YamlStream(new YamlDocument(Definition())).Save(text, assignAnchors: false);
        // YamlDotNet ends a document with a mark of its own.
        var yaml = text.ToString();
        return yaml.EndsWith("...\n", StringComparison.Ordinal) ? yaml[..^4] : yaml;
    }

    private static YamlMappingNode Definition() => new()
    {
        { "apiVersion", "apiextensions.k8s.io/v1" },
        { "kind", "CustomResourceDefinition" },
        { "metadata", new YamlMappingNode { { "name", $"{SessionDatabase.Plural}.{SessionDatabase.Group}" } } },
        {
            "spec", new YamlMappingNode
            {
                { "group", SessionDatabase.Group },
                { "scope", "Namespaced" },
                {
                    "names", new YamlMappingNode
                    {
                        { "kind", SessionDatabase.Kind },
                        { "listKind", SessionDatabase.Kind + "List" },
                        { "plural", SessionDatabase.Plural },
                        { "singular", "sessiondatabase" },
                        { "shortNames", new YamlSequenceNode("sdb") },
                    }
                },
                { "versions", new YamlSequenceNode(Version()) },
            }
        },
    };

    private static YamlMappingNode Version() => new()
    {
        { "name", SessionDatabase.Version },
        { "served", "true" },
        { "storage", "true" },
        { "subresources", new YamlMappingNode { { "status", Empty() } } },
        { "additionalPrinterColumns", new YamlSequenceNode(s_columns.Select(Column)) },
        { "schema", new YamlMappingNode { { "openAPIV3Schema", Schema() } } },
    };

    private static YamlMappingNode Column((string Name, string Type, string Path, int Priority) column)
    {
        var node = new YamlMappingNode { { "name", column.Name }, { "type", column.Type }, { "jsonPath", column.Path } };
        if (column.Priority > 0)
        {
            node.Add("priority", "1");
        }
        return node;
    }

    private static YamlMappingNode Schema() => new()
    {
        { "type", "object" },
        { "description", "A database whose table holds sessions. Apps annotated with its name keep their users' sessions working while it cannot be written." },
        { "required", new YamlSequenceNode("spec") },
        {
            "properties", new YamlMappingNode
            {
                { "apiVersion", new YamlMappingNode { { "type", "string" } } },
                { "kind", new YamlMappingNode { { "type", "string" } } },
                { "metadata", new YamlMappingNode { { "type", "object" } } },
                { "spec", SchemaGenerator.Of(typeof(SessionDatabaseSpec)) },
                { "status", SchemaGenerator.Of(typeof(SessionDatabaseStatus)) },
            }
        },
    };

    private static YamlMappingNode Empty() => new() { Style = YamlDotNet.Core.Events.MappingStyle.Flow };
}
