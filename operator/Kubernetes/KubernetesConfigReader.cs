using SessionOperator.Operator.Standalone;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Reads the configuration that the chart mounts. Unknown fields are refused: a misspelt one must not pass for a default.</summary>
public static class KubernetesConfigReader
{
    private const string Name = "a Kubernetes name: lower-case letters, digits and '-', at most 63";

    /// <param name="path">The file.</param>
    /// <param name="environment">Values of environment variables by name.</param>
    /// <exception cref="ConfigException">The file is not there, or not what it should be.</exception>
    public static KubernetesConfig ReadFile(string path, Func<string, string?> environment)
    {
        try
        {
            return Read(path, File.ReadAllText(path), environment);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{path}: cannot be read ({unreadable.Message}); give --kubernetes the path of a YAML file", unreadable);
        }
    }

    /// <param name="file">The name used in messages.</param>
    /// <param name="text">The YAML.</param>
    /// <param name="environment">Values of environment variables by name.</param>
    /// <exception cref="ConfigException">Something is missing, unknown or out of range.</exception>
    public static KubernetesConfig Read(string file, string text, Func<string, string?> environment)
    {
        var root = new YamlFields(
            file, "", ConfigReader.Parse(file, text),
            "grpc", "http", "webhook", "lease", "namespaces", "release", "certificates", "sidecar", "injection");
        return new KubernetesConfig(
            root.Address("grpc", "0.0.0.0:7443", "0.0.0.0:7443"),
            root.Address("http", "0.0.0.0:7080", "0.0.0.0:7080"),
            root.Address("webhook", "0.0.0.0:9443", "0.0.0.0:9443"),
            root.Duration("lease", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(5)),
            Namespaces(root),
            root.Find("release") is null ? "session-operator" : Named(root, "release", root.Text("release", Name)),
            Certificates(root),
            FromEnvironment("POD_NAME", "metadata.name", environment),
            FromEnvironment("POD_NAMESPACE", "metadata.namespace", environment))
        {
            Sidecar = new ConfigSection(file, "sidecar", root.Find("sidecar")),
            Injection = new ConfigSection(file, "injection", root.Find("injection")),
        };
    }

    private static string[] Namespaces(YamlFields root)
    {
        const string Write = "a list of namespaces, or [] for all";
        return root.Find("namespaces") switch
        {
            null => [],
            YamlSequenceNode list => [.. list.Children.Select(entry => entry is YamlScalarNode { Value: { } name } && IsName(name)
                ? name
                : throw root.Complaint(entry, "namespaces", $"holds \"{entry}\"; write {Name}")).Distinct()],
            var other => throw root.Complaint(other, "namespaces", $"is no list; write {Write}"),
        };
    }

    private static CertificateSource Certificates(YamlFields root)
    {
        const string Write = "own (an authority of the operator's own) or files (what cert-manager keeps)";
        return root.Find("certificates") is null ? CertificateSource.Own : root.Text("certificates", Write) switch
        {
            "own" => CertificateSource.Own,
            "files" => CertificateSource.Files,
            var other => throw root.Complaint(root.Find("certificates")!, "certificates", $"is \"{other}\"; write {Write}"),
        };
    }

    private static string Named(YamlFields root, string field, string name) =>
        IsName(name) ? name : throw root.Complaint(root.Find(field)!, field, $"is \"{name}\"; write {Name}");

    private static string FromEnvironment(string variable, string field, Func<string, string?> environment) =>
        environment(variable) is { Length: > 0 } value
            ? value
            : throw new ConfigException($"the environment variable {variable} is not set; set it in the pod from {field}, as the chart does");

    private static bool IsName(string name) =>
        name.Length is > 0 and <= 63 && name[0] != '-' && name[^1] != '-'
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
