using System.Globalization;

namespace SessionOperator.Operator.Standalone;

/// <summary>Times as people write them: 500ms, 10s, 2m, 1h. Whole numbers and exactly one unit.</summary>
public static class Durations
{
    private static readonly (string Unit, long Milliseconds)[] s_units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

    public static bool TryRead(string text, out TimeSpan time)
    {
        foreach (var (unit, milliseconds) in s_units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && int.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                time = TimeSpan.FromMilliseconds(count * milliseconds);
                return true;
            }
        }
        time = default;
        return false;
    }

    public static string Write(TimeSpan time)
    {
        var milliseconds = (long)time.TotalMilliseconds;
        var (unit, size) = s_units.Last(u => u.Milliseconds == 1 || (milliseconds >= u.Milliseconds && milliseconds % u.Milliseconds == 0));
        return $"{milliseconds / size}{unit}";
    }
}
