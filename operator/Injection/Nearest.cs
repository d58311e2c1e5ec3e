namespace SessionOperator.Operator.Injection;

/// <summary>Finds the word that somebody may have meant.</summary>
public static class Nearest
{
    /// <summary>The known word with the fewest changes from <paramref name="word"/>; null when none is near.</summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        // A third of the word, and at least two letters: more than that is another word.
        var most = Math.Max(2, word.Length / 3);
        return known.Select(candidate => (candidate, distance: Distance(word, candidate)))
            .Where(pair => pair.distance <= most)
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.candidate, StringComparer.Ordinal)
            .Select(pair => pair.candidate).FirstOrDefault();
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one into the other.</summary>
    public static int Distance(string from, string to)
    {
        var table = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++)
        {
            for (var j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    table[i, j] = i + j;
                    continue;
                }
                var cost = from[i - 1] == to[j - 1] ? 0 : 1;
                table[i, j] = Math.Min(Math.Min(table[i - 1, j], table[i, j - 1]) + 1, table[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    table[i, j] = Math.Min(table[i, j], table[i - 2, j - 2] + 1);
                }
            }
        }
        return table[from.Length, to.Length];
    }
}
