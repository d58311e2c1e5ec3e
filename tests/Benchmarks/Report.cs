using System.Globalization;
using System.Text.Json;

namespace SessionOperator.Benchmarks;

/// <summary>The figures as a table for people and as JSON.</summary>
internal static class Report
{
    /// <summary>The bar: from the API server's write until a sidecar has the mode, 99 of 100 are quicker.</summary>
    public const double BarMs = 250;

    public static void Heading(int sidecars)
    {
        Console.Out.WriteLine($"{sidecars} sidecars over TLS, {Environment.ProcessorCount} processors; milliseconds");
        Console.Out.WriteLine($"{"",-52} {"samples",8} {"p50",8} {"p99",8} {"max",8}");
    }

    /// <summary>One row a kind, as soon as it is measured.</summary>
    public static void Rows(params IEnumerable<Samples> rows)
    {
        foreach (var samples in rows)
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{samples.Name,-52} {samples.Count,8} {samples.Quantile(0.5),8:0.0} {samples.Quantile(0.99),8:0.0} {samples.Quantile(1),8:0.0}"));
        }
    }

    /// <returns>Whether the bar holds for everything that is measured against it.</returns>
    public static bool Write(int sidecars, IReadOnlyList<Samples> anchors, IReadOnlyList<Samples> measured, string file)
    {
        var holds = measured.Count > 0 && measured.All(samples => samples.Quantile(0.99) < BarMs);
        Console.Out.WriteLine(holds ? $"every p99 is under {BarMs} ms" : $"NOT every p99 is under {BarMs} ms");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, JsonSerializer.Serialize(
            new
            {
                sidecars,
                processors = Environment.ProcessorCount,
                barMs = BarMs,
                holds,
                anchors = anchors.Select(Row),
                measured = measured.Select(Row),
            },
            s_json));
        return holds;
    }

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    private static object Row(Samples samples) => new
    {
        name = samples.Name,
        samples = samples.Count,
        p50Ms = Math.Round(samples.Quantile(0.5), 2),
        p99Ms = Math.Round(samples.Quantile(0.99), 2),
        maxMs = Math.Round(samples.Quantile(1), 2),
    };
}
