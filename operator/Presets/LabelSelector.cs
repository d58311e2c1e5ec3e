using System.Collections.Immutable;

namespace SessionOperator.Operator.Presets;

/// <summary>
/// A label selector as kubectl's -l takes it. The server evaluates those that select pods; those that tell the primary
/// from the others are evaluated here, because losing that label is itself the signal.
/// </summary>
public sealed class LabelSelector
{
    public const string Write = "a selector as kubectl -l takes it, such as app=orders-db,role in (primary,master),!backup";
    private readonly ImmutableArray<Term> _terms;

    private LabelSelector(string text, ImmutableArray<Term> terms) => (Text, _terms) = (text, terms);

    private enum Test
    {
        In,
        NotIn,
        Exists,
        Absent,
    }

    public string Text { get; }

    /// <summary>The labels it looks at.</summary>
    public IEnumerable<string> Keys => _terms.Select(term => term.Key).Distinct();

    public bool Matches(IReadOnlyDictionary<string, string> labels) => _terms.All(term => term.Matches(labels));

    /// <exception cref="FormatException">It is none; the message says where.</exception>
    public static LabelSelector Parse(string text)
    {
        var terms = SplitOutsideParentheses(text).Select(part => ParseTerm(part.Trim())).ToImmutableArray();
        return new LabelSelector(text, terms);
    }

    public override string ToString() => Text;

    private static List<string> SplitOutsideParentheses(string text)
    {
        var parts = new List<string>();
        var (start, depth) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
            if (depth is < 0 or > 1)
            {
                throw new FormatException($"\"{text}\" has unpaired parentheses");
            }
            if (text[i] == ',' && depth == 0)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }
        parts.Add(text[start..]);
        return depth == 0 ? parts : throw new FormatException($"\"{text}\" has unpaired parentheses");
    }

    private static Term ParseTerm(string part)
    {
        if (part.EndsWith(')'))
        {
            var open = part.IndexOf('(', StringComparison.Ordinal);
            var words = (open < 0 ? "" : part[..open]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var values = part[(open + 1)..^1].Split(',').Select(value => Value(value.Trim(), part)).ToImmutableHashSet();
            return words switch
            {
                [var key, "in"] => new Term(Key(key, part), Test.In, values),
                [var key, "notin"] => new Term(Key(key, part), Test.NotIn, values),
                _ => throw new FormatException($"\"{part}\" is neither \"label in (a,b)\" nor \"label notin (a,b)\""),
            };
        }
        var unequal = part.IndexOf("!=", StringComparison.Ordinal);
        if (unequal > 0)
        {
            return new Term(Key(part[..unequal], part), Test.NotIn, [Value(part[(unequal + 2)..], part)]);
        }
        var equal = part.IndexOf('=', StringComparison.Ordinal);
        if (equal > 0)
        {
            return new Term(Key(part[..equal], part), Test.In, [Value(part[(equal + 1)..].TrimStart('='), part)]);
        }
        return part.StartsWith('!') ? new Term(Key(part[1..], part), Test.Absent, []) : new Term(Key(part, part), Test.Exists, []);
    }

    private static string Key(string text, string part)
    {
        var key = text.Trim();
        var name = key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return IsName(name) && key.All(c => IsWord(c) || c == '/') && !key.StartsWith('/')
            ? key : throw new FormatException($"\"{part}\" has no label name");
    }

    private static string Value(string text, string part)
    {
        var value = text.Trim();
        return value.Length == 0 || IsName(value) ? value : throw new FormatException($"\"{part}\": \"{value}\" cannot be a label's value");
    }

    private static bool IsName(string text) =>
        text.Length is > 0 and <= 63 && text.All(IsWord) && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]);

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';

    private sealed record Term(string Key, Test Test, ImmutableHashSet<string> Values)
    {
        public bool Matches(IReadOnlyDictionary<string, string> labels)
        {
            var there = labels.TryGetValue(Key, out var value);
            return Test switch
            {
                Test.In => there && Values.Contains(value!),
                Test.NotIn => !there || !Values.Contains(value!),
                Test.Exists => there,
                _ => !there,
            };
        }
    }
}
