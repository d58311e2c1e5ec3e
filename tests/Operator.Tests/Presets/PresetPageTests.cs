using SessionOperator.Operator.Presets;

namespace SessionOperator.Operator.Tests.Presets;

/// <summary>docs/reference/presets.md says what the files say.</summary>
public class PresetPageTests
{
    [Fact]
    public void The_table_of_the_page_is_what_the_files_hold()
    {
        var rows = File.ReadLines(Page()).Where(line => line.StartsWith("| `", StringComparison.Ordinal)).ToArray();
        Assert.Equal(PresetCatalog.All.Values.Select(Row), rows);
    }

    private static string Row(Preset preset)
    {
        var announces = preset.Resources.SelectMany(resource => resource.Rules.Select(rule => $"{resource.Kind} {rule.Says}")).Distinct();
        return $"| `{preset.Name}` | {preset.Summary} | `{preset.Pods}` | {List(preset.Primary.Select(selector => $"`{selector}`"))} "
            + $"| {(preset.Container.Length > 0 ? $"`{preset.Container}`" : "-")} | {List(preset.Services.Select(service => $"`{service}`"))} | {List(announces)} |";
    }

    private static string List(IEnumerable<string> words) => string.Join("; ", words.DefaultIfEmpty("-"));

    private static string Page()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var page = Path.Combine(folder.FullName, "docs", "reference", "presets.md");
            if (File.Exists(page))
            {
                return page;
            }
        }
        throw new FileNotFoundException("no folder above the tests holds docs/reference/presets.md; run them where they were built");
    }
}
