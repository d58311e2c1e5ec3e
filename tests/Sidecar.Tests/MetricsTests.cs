using System.Reflection;
using System.Text.RegularExpressions;
using Prometheus;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests;

public partial class MetricsTests
{
    private const string Prefix = "session_operator_sidecar_";

    [Fact]
    public async Task Every_metric_exposed_is_documented_and_the_other_way_round()
    {
        await using var sidecar = await RunningSidecar.StartAsync(http: true);
        using var client = new HttpClient();
        using var response = await client.GetAsync(new Uri($"http://{sidecar.Http}/metrics"), TestContext.Current.CancellationToken);
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var exposed = TypeLine().Matches(text).Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}");
        Assert.Equal(Documented().Select(d => $"{d.Name} {d.Type}").Order(), exposed.Order());
    }

    [Fact]
    public void Labels_are_those_documented()
    {
        var labels = typeof(SidecarMetrics).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(f => f.GetValue(null)).OfType<Collector>()
            .Select(c => $"{c.Name} {string.Join(", ", c.LabelNames)}");
        Assert.Equal(Documented().Select(d => $"{d.Name} {d.Labels}").Order(), labels.Order());
    }

    [Fact]
    public void The_words_of_labels_are_documented()
    {
        var meaning = Documented().ToDictionary(d => d.Name, d => d.Meaning);
        foreach (var action in Enum.GetNames<RowAction>().Where(a => a != nameof(RowAction.None)).Append("delete").Append("row"))
        {
            Assert.Contains($"`{action.ToLowerInvariant()}`", meaning[Prefix + "records_replayed_total"], StringComparison.Ordinal);
        }

        foreach (var reason in Enum.GetNames<DropReason>().Where(r => r != nameof(DropReason.None)).Append("refused"))
        {
            Assert.Contains($"`{reason.ToLowerInvariant()}`", meaning[Prefix + "records_dropped_total"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_not_for_the_network_is_not_on_it()
    {
        await using var sidecar = await RunningSidecar.StartAsync(http: true);
        using var client = new HttpClient { BaseAddress = new Uri($"http://{sidecar.Http}") };
        var cancel = TestContext.Current.CancellationToken;
        Assert.Equal("ok\n", await client.GetStringAsync(new Uri("/healthz", UriKind.Relative), cancel));
        foreach (var path in new[] { "/v1/status", "/v1/load", "/" })
        {
            using var response = await client.GetAsync(new Uri(path, UriKind.Relative), cancel);
            Assert.Equal(System.Net.HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    private static List<(string Name, string Type, string Labels, string Meaning)> Documented()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "docs/reference/metrics.md")))
        {
            directory = directory.Parent ?? throw new InvalidOperationException("docs/reference/metrics.md is not above the tests");
        }

        var page = File.ReadAllText(Path.Combine(directory.FullName, "docs/reference/metrics.md"));
        return [.. Row().Matches(page).Select(m =>
            (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value.Replace("`", "", StringComparison.Ordinal).Trim(), m.Groups[4].Value))];
    }

    [GeneratedRegex(@"^# TYPE (session_operator_\w+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^\| `(session_operator_sidecar_\w+)` \| (\w+) \|([^|]*)\|(.*)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
