namespace SessionOperator.Operator.Decisions;

/// <summary>Which pods have a sidecar, and an app that did not load the adapter. Pure.</summary>
public static class AdapterRoll
{
    /// <summary>How long an app may take to start. It says that it has loaded the adapter long before it serves anything.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>"web-1, web-2, web-3 and 4 more"; null when there is none.</summary>
    public static string? Missing(IEnumerable<Member> members, DateTimeOffset now)
    {
        var missing = members.Where(member => !member.Loaded && now - member.JoinedAt >= Patience).Select(member => member.Name).ToList();
        return missing.Count == 0 ? null : FewNames.Of(missing);
    }
}
