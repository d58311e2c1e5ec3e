using System.Globalization;
using System.Net;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Standalone;

/// <summary>The fields of one YAML mapping. Every complaint names file, line and field, and what to write instead.</summary>
internal sealed class YamlFields
{
    private readonly string _file;
    private readonly string _path;
    private readonly YamlMappingNode _mapping;

    public YamlFields(string file, string path, YamlNode node, params string[] known)
    {
        (_file, _path) = (file, path);
        _mapping = node as YamlMappingNode
            ?? throw Complaint(node, path.Length == 0 ? "the file" : path, $"must be fields and values; write {string.Join(", ", known.Select(k => k + ":"))}");
        foreach (var key in _mapping.Children.Keys)
        {
            var name = (key as YamlScalarNode)?.Value ?? "";
            if (!known.Contains(name))
            {
                throw Complaint(key, At(name), $"is not a known field; known here are {string.Join(", ", known)}");
            }
        }
    }

    public YamlNode Node => _mapping;

    public YamlNode? Find(string field) => _mapping.Children.TryGetValue(new YamlScalarNode(field), out var node) ? node : null;

    public YamlNode Require(string field, string write) =>
        Find(field) ?? throw Complaint(_mapping, At(field), $"is missing; write {write}");

    public string Text(string field, string write) => Scalar(Require(field, write), field, write);

    /// <summary>A list of simple values, at least one.</summary>
    public IReadOnlyList<string> Texts(string field, string write)
    {
        var node = Require(field, write);
        return node is YamlSequenceNode { Children.Count: > 0 } list
            ? [.. list.Children.Select(child => Scalar(child, field, write))]
            : throw Complaint(node, At(field), $"is no list; write {write}");
    }

    /// <summary>A list of anything; empty when the field is not there.</summary>
    public IReadOnlyList<YamlNode> List(string field, string write) => Find(field) switch
    {
        null => [],
        YamlSequenceNode list => [.. list.Children],
        { } node => throw Complaint(node, At(field), $"is no list; write {write}"),
    };

    /// <param name="field">Its name.</param>
    /// <param name="example">Shown to who writes something else.</param>
    /// <param name="without">What counts where nothing is written; null: it must be written.</param>
    public IPEndPoint Address(string field, string example, string? without = null)
    {
        if (without is not null && Find(field) is null)
        {
            return IPEndPoint.Parse(without);
        }
        var write = $"an address and a port, such as {example}";
        var text = Text(field, write);
        return text.LastIndexOf(':') > 0 && IPEndPoint.TryParse(text, out var address)
            ? address
            : throw Complaint(Find(field)!, At(field), $"is \"{text}\"; write {write}");
    }

    public TimeSpan Duration(string field, TimeSpan without, TimeSpan least, TimeSpan most)
    {
        if (Find(field) is not { } node)
        {
            return without;
        }
        var write = $"a time from {Durations.Write(least)} to {Durations.Write(most)}, such as 500ms, 10s or 2m";
        var text = Scalar(node, field, write);
        return Durations.TryRead(text, out var time) && time >= least && time <= most
            ? time
            : throw Complaint(node, At(field), $"is \"{text}\"; write {write}");
    }

    public int Number(string field, int without, int least, int most)
    {
        if (Find(field) is not { } node)
        {
            return without;
        }
        var write = $"a whole number from {least} to {most}";
        var text = Scalar(node, field, write);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Complaint(node, At(field), $"is \"{text}\"; write {write}");
    }

    public string At(string field) => _path.Length == 0 ? field : $"{_path}.{field}";

    public ConfigException Complaint(YamlNode node, string field, string what) =>
        new($"{_file}, line {node.Start.Line}: {field} {what}");

    private string Scalar(YamlNode node, string field, string write) =>
        node is YamlScalarNode { Value: { Length: > 0 } text } ? text : throw Complaint(node, At(field), $"has no simple value; write {write}");
}
