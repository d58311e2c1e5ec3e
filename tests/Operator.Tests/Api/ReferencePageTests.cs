using System.Text.RegularExpressions;
using SessionOperator.Operator.Api.Schema;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Tests.Api;

public partial class ReferencePageTests
{
    [Fact]
    public void The_page_has_a_row_for_every_field_of_the_schema_and_says_what_the_schema_says()
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(CustomResourceDefinition.Yaml()));
        var version = yaml.Documents[0].RootNode["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        var fields = Fields(version["spec"], "spec").Concat(Fields(version["status"], "status"));
        var rows = Row().Matches(File.ReadAllText(Page())).Select(row => (row.Groups[1].Value, row.Groups[2].Value));
        Assert.Equal(fields, rows);
    }

    private static IEnumerable<(string, string)> Fields(YamlNode schema, string path)
    {
        var node = (YamlMappingNode)schema;
        if (node.Children.TryGetValue("items", out var items))
        {
            return Fields(items, path + "[]");
        }
        if (node.Children.TryGetValue("additionalProperties", out var any))
        {
            return Fields(any, path + ".*");
        }
        return !node.Children.TryGetValue("properties", out var properties) ? [] : ((YamlMappingNode)properties).Children.SelectMany(field =>
            Fields(field.Value, $"{path}.{field.Key}").Prepend(($"{path}.{field.Key}", field.Value["description"].ToString())));
    }

    private static string Page()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SessionOperator.sln")))
        {
            folder = folder.Parent;
        }
        return Path.Combine(folder!.FullName, "docs/reference/sessiondatabase.md");
    }

    [GeneratedRegex(@"^\| `((?:spec|status)\.[^`]+)` \|.*\| ([^|]+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
