namespace SessionOperator.Operator.Decisions;

/// <summary>Names for a message, which must stay short however many there are.</summary>
public static class FewNames
{
    private const int Named = 3;

    /// <summary>"web-1, web-2, web-3 and 4 more": the first three in order.</summary>
    public static string Of(IEnumerable<string> names)
    {
        var ordered = names.Order(StringComparer.Ordinal).ToList();
        return string.Join(", ", ordered.Take(Named)) + (ordered.Count > Named ? $" and {ordered.Count - Named} more" : "");
    }
}
