using System.Collections.Immutable;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Standalone;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Presets;

/// <summary>Reads a preset's file. Strict: what is misspelt must not pass for absent. operator/Presets/data/README.md describes the fields.</summary>
public static class PresetReader
{
    private static readonly string[] s_questions = ["differ", "field", "annotation", "condition"];
    private static readonly TimeSpan s_leastHold = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_mostHold = TimeSpan.FromMinutes(30);

    /// <param name="file">File name, for messages; without its ending it is the preset's name.</param>
    /// <param name="text">The YAML.</param>
    /// <exception cref="ConfigException">Something is missing, unknown or wrong; the message says what to write.</exception>
    public static Preset Read(string file, string text)
    {
        var root = new YamlFields(
            file, "", Parse(file, text), "summary", "pods", "primary", "container", "services", "statefulSet", "report", "resources");
        var pods = root.Text("pods", "a selector with {cluster} in it");
        Selector(root, "pods", pods);
        if (!pods.Contains(Preset.Placeholder, StringComparison.Ordinal))
        {
            throw root.Complaint(root.Find("pods")!, "pods", $"does not name the cluster; write {Preset.Placeholder} where its name belongs");
        }
        return new Preset(Path.GetFileNameWithoutExtension(file), root.Text("summary", "who runs such databases"), pods, Primary(root))
        {
            Container = root.Find("container") is null ? "" : root.Text("container", "the name of the database's container"),
            Services = [.. root.Find("services") is null ? [] : root.Texts("services", "a list of Services, such as [\"{cluster}-rw\"]")],
            StatefulSet = root.Find("statefulSet") is null ? "" : root.Text("statefulSet", "the name of a StatefulSet, such as {cluster}"),
            Report = root.Find("report") is { } report ? Report(file, report) : null,
            Resources = [.. root.List("resources", "a list of objects that announce").Select((node, i) => Resource(file, $"resources[{i}]", node))],
        };
    }

    private static YamlNode Parse(string file, string text)
    {
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException broken)
        {
            throw new ConfigException($"{file}, line {broken.Start.Line}: this is not YAML ({broken.InnerException?.Message ?? broken.Message}); look for a missing colon or quote, or tabs", broken);
        }
        return yaml.Documents.Count == 1 ? yaml.Documents[0].RootNode : throw new ConfigException($"{file}: holds {yaml.Documents.Count} YAML documents; write exactly one");
    }

    private static ImmutableArray<LabelSelector> Primary(YamlFields root) =>
        root.Find("primary") is null ? [] : [.. root.Texts("primary", "a list of selectors, such as [role=primary]").Select(text => Selector(root, "primary", text))];

    private static LabelSelector Selector(YamlFields fields, string field, string text)
    {
        try
        {
            // A cluster's name is a valid value of a label.
            return LabelSelector.Parse(text.Replace(Preset.Placeholder, "cluster", StringComparison.Ordinal));
        }
        catch (FormatException wrong)
        {
            throw fields.Complaint(fields.Find(field)!, fields.At(field), $"is no selector ({wrong.Message}); write {LabelSelector.Write}");
        }
    }

    private static PodReport Report(string file, YamlNode node)
    {
        var fields = new YamlFields(file, "report", node, "annotation", "field", "well");
        return new PodReport(
            fields.Text("annotation", "the annotation's key"), fields.Text("field", "the field of its JSON"),
            [.. fields.Texts("well", "a list of values that are no reason to worry")]);
    }

    private static AnnouncingResource Resource(string file, string path, YamlNode node)
    {
        var fields = new YamlFields(file, path, node, "group", "version", "plural", "name", "announces");
        var rules = fields.List("announces", "a list of rules").Select((rule, i) => Rule(file, $"{path}.announces[{i}]", rule)).ToImmutableArray();
        if (rules.IsEmpty)
        {
            throw fields.Complaint(node, fields.At("announces"), "is missing or empty; write at least one rule, or leave the resource out");
        }
        var group = fields.Require("group", "the API group, \"\" for the core group") is YamlScalarNode { Value: { } text } ? text : "";
        return new AnnouncingResource(
            new ResourceKind(group, fields.Text("version", "such as v1"), fields.Text("plural", "the kind's plural, lower case")),
            fields.Text("name", "the object's name, such as {cluster}"), rules);
    }

    private static AnnouncingRule Rule(string file, string path, YamlNode node)
    {
        const string Write = "exactly one of differ, field, annotation and condition";
        var fields = new YamlFields(file, path, node, "differ", "field", "annotation", "condition", "in", "status", "reason", "unless", "says", "holds");
        string[] asked = [.. s_questions.Where(name => fields.Find(name) is not null)];
        if (asked.Length != 1)
        {
            throw fields.Complaint(node, path, $"asks {asked.Length} questions; write {Write}");
        }
        RuleCondition condition = asked[0] switch
        {
            "differ" => fields.Texts("differ", "two fields, such as [status.targetPrimary, status.currentPrimary]") is [var one, var other]
                ? new RuleCondition.Differ([.. one.Split('.')], [.. other.Split('.')])
                : throw fields.Complaint(fields.Find("differ")!, fields.At("differ"), "does not name two fields; write [status.a, status.b]"),
            "field" => new RuleCondition.Field([.. fields.Text("field", "a path such as status.phase").Split('.')], In(fields, "in")),
            "annotation" => new RuleCondition.Annotated(fields.Text("annotation", "an annotation's key"), In(fields, "in")),
            _ => new RuleCondition.Conditioned(
                fields.Text("condition", "a condition's type"), fields.Text("status", "\"True\", \"False\" or \"Unknown\", in quotes"), In(fields, "reason")),
        };
        foreach (var (name, needs) in new[] { ("in", "field annotation"), ("status", "condition"), ("reason", "condition") })
        {
            if (fields.Find(name) is { } stray && !needs.Contains(asked[0], StringComparison.Ordinal))
            {
                throw fields.Complaint(stray, fields.At(name), $"means nothing beside {asked[0]}; write it beside {needs.Replace(" ", " or ", StringComparison.Ordinal)}");
            }
        }
        fields.Require("holds", "how long the event is waited for, such as 60s");
        return new AnnouncingRule(
            fields.Text("says", "words that complete \"the cluster ...\""), fields.Duration("holds", default, s_leastHold, s_mostHold), condition,
            fields.Find("unless") is null ? "" : fields.Text("unless", "an annotation's key"));
    }

    private static ImmutableHashSet<string> In(YamlFields fields, string field) =>
        fields.Find(field) is null ? [] : [.. fields.Texts(field, "a list of values, in quotes where they hold more than letters")];
}
