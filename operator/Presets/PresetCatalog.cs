using System.Collections.Immutable;

namespace SessionOperator.Operator.Presets;

/// <summary>The presets there are, read once from the files built into the program.</summary>
public static class PresetCatalog
{
    private const string Suffix = ".yaml";
    private static readonly Lazy<ImmutableSortedDictionary<string, Preset>> s_all = new(ReadAll);

    /// <summary>By name.</summary>
    public static ImmutableSortedDictionary<string, Preset> All => s_all.Value;

    /// <summary>The text of each file by its name, such as statefulset.yaml.</summary>
    public static IEnumerable<(string File, string Text)> Files()
    {
        var assembly = typeof(PresetCatalog).Assembly;
        var prefix = $"{typeof(PresetCatalog).Namespace}.data.";
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (name[prefix.Length..], reader.ReadToEnd());
        }
    }

    private static ImmutableSortedDictionary<string, Preset> ReadAll() =>
        Files().Select(file => PresetReader.Read(file.File, file.Text)).ToImmutableSortedDictionary(preset => preset.Name, preset => preset);
}
