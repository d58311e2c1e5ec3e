using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Standalone;

/// <summary>Reads the configuration of the standalone operator. Unknown fields are refused: a misspelt one must not pass for a default.</summary>
public static class ConfigReader
{
    private const string DatabaseName = "namespace/name, such as default/orders-db: lower-case letters, digits, '-' and '.'";

    /// <exception cref="ConfigException">The file is not there, or not what it should be.</exception>
    public static StandaloneConfig ReadFile(string path)
    {
        try
        {
            return Read(path, File.ReadAllText(path));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{path}: cannot be read ({unreadable.Message}); give --standalone the path of a YAML file", unreadable);
        }
    }

    /// <param name="file">The name used in messages.</param>
    /// <param name="text">The YAML.</param>
    /// <exception cref="ConfigException">Something is missing, unknown or out of range.</exception>
    public static StandaloneConfig Read(string file, string text)
    {
        var root = new YamlFields(file, "", Parse(file, text), "grpc", "http", "lease", "databases");
        return new StandaloneConfig(
            root.Address("grpc", "127.0.0.1:7443"),
            root.Address("http", "127.0.0.1:7080"),
            root.Duration("lease", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(5)),
            Databases(file, root));
    }

    internal static YamlNode Parse(string file, string text)
    {
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException broken)
        {
            var cause = broken.InnerException?.Message ?? broken.Message;
            throw new ConfigException($"{file}, line {broken.Start.Line}: this is not YAML ({cause}); look for a missing colon or quote, a doubled field, or tabs", broken);
        }
        return yaml.Documents.Count == 1
            ? yaml.Documents[0].RootNode
            : throw new ConfigException($"{file}: holds {yaml.Documents.Count} YAML documents; write exactly one");
    }

    private static Dictionary<string, Policy> Databases(string file, YamlFields root)
    {
        const string Write = "a list with at least one \"- name: namespace/name\"";
        var list = root.Require("databases", Write);
        if (list is not YamlSequenceNode { Children.Count: > 0 } entries)
        {
            throw root.Complaint(list, "databases", $"is empty or no list; write {Write}");
        }
        var databases = new Dictionary<string, Policy>();
        foreach (var (entry, index) in entries.Children.Select((entry, index) => (entry, index)))
        {
            var fields = new YamlFields(file, $"databases[{index}]", entry, "name", "fallback", "recovery");
            var name = fields.Text("name", DatabaseName);
            if (!IsDatabaseName(name))
            {
                throw fields.Complaint(fields.Find("name")!, fields.At("name"), $"is \"{name}\"; write {DatabaseName}");
            }
            if (!databases.TryAdd(name, ReadPolicy(file, fields)))
            {
                throw fields.Complaint(fields.Find("name")!, fields.At("name"), $"repeats {name}; write every database once");
            }
        }
        return databases;
    }

    private static Policy ReadPolicy(string file, YamlFields fields)
    {
        const string Write = "Cache (sessions live in the shared cache meanwhile) or SkipSave (optional saves are skipped)";
        var word = fields.Text("fallback", Write);
        var policy = new Policy(word switch
        {
            "Cache" => Mode.Cache,
            "SkipSave" => Mode.SkipSave,
            _ => throw fields.Complaint(fields.Find("fallback")!, fields.At("fallback"), $"is \"{word}\"; write {Write}"),
        });
        if (fields.Find("recovery") is not { } node)
        {
            return policy;
        }
        var recovery = new YamlFields(file, fields.At("recovery"), node, "successes", "dwell", "drainDeadline");
        return policy with
        {
            Successes = recovery.Number("successes", policy.Successes, 1, 100),
            Dwell = recovery.Duration("dwell", policy.Dwell, TimeSpan.Zero, TimeSpan.FromMinutes(5)),
            DrainDeadline = recovery.Duration("drainDeadline", policy.DrainDeadline, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        };
    }

    private static bool IsDatabaseName(string name)
    {
        var parts = name.Split('/');
        return parts.Length == 2 && parts.All(KubernetesName.IsSubdomain);
    }
}
