using System.Text.RegularExpressions;

namespace SessionOperator.Kubernetes.Tests.Metrics;

/// <summary>One metric: what a program exposes, or what the page says of it.</summary>
internal sealed record Metric(string Name, string Type, string Labels);

/// <summary>Reads Prometheus' text format and docs/reference/metrics.md.</summary>
internal static partial class Exposition
{
    /// <summary>The rows of the operator's table.</summary>
    public static IEnumerable<Metric> Documented()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "docs/reference/metrics.md")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("docs/reference/metrics.md is not above the tests");
        }
        return Row().Matches(File.ReadAllText(Path.Combine(folder.FullName, "docs/reference/metrics.md")))
            .Where(row => !row.Groups[1].Value.StartsWith("session_operator_sidecar_", StringComparison.Ordinal))
            .Select(row => new Metric(row.Groups[1].Value, row.Groups[2].Value, Sorted(row.Groups[3].Value.Replace("`", "", StringComparison.Ordinal).Split(','))));
    }

    /// <summary>"name type" of all that is ours.</summary>
    public static IEnumerable<string> Types(string text) => TypeLine().Matches(text).Select(line => $"{line.Groups[1].Value} {line.Groups[2].Value}");

    /// <summary>"name labels" of every series that is ours; a histogram's buckets count as the histogram.</summary>
    public static IEnumerable<string> Series(string text) => Sample().Matches(text)
        .Select(line => $"{Part().Replace(line.Groups[1].Value, "")} {Sorted(Label().Matches(line.Groups[2].Value).Select(label => label.Groups[1].Value).Where(label => label != "le"))}")
        .Distinct();

    private static string Sorted(IEnumerable<string> labels) =>
        string.Join(',', labels.Select(label => label.Trim()).Where(label => label.Length > 0).Order(StringComparer.Ordinal));

    [GeneratedRegex(@"^\| `(session_operator_\w+)` \| (\w+) \|([^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^# TYPE (session_operator_\w+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^(session_operator_\w+)(?:\{(.*)\})? ", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex(@"(\w+)=""")]
    private static partial Regex Label();

    [GeneratedRegex("(_bucket|_sum|_count)$")]
    private static partial Regex Part();
}
