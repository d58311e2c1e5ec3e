using System.Globalization;
using System.Text;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>Which objects are watched. Equal targets can share one watch.</summary>
/// <param name="Kind">Their kind.</param>
/// <param name="Namespace">Null for all namespaces, and for kinds that have none.</param>
public sealed record WatchTarget(ResourceKind Kind, string? Namespace = null)
{
    internal const string NameIs = "metadata.name=";

    /// <summary>One object, which may be there or not.</summary>
    public static WatchTarget Named(ResourceKind kind, string ns, string name) => new(kind, ns) { FieldSelector = NameIs + name };

    /// <summary>As kubectl's -l takes it; empty for all.</summary>
    public string LabelSelector { get; init; } = "";

    /// <summary>As kubectl's --field-selector takes it; empty for all.</summary>
    public string FieldSelector { get; init; } = "";

    public override string ToString()
    {
        var text = new StringBuilder(Kind.ToString()).Append(Namespace is null ? " everywhere" : $" in {Namespace}");
        if (LabelSelector.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" with {LabelSelector}");
        }
        return (FieldSelector.Length > 0 ? text.Append(CultureInfo.InvariantCulture, $" where {FieldSelector}") : text).ToString();
    }

    /// <summary>Without a resourceVersion: the newest state, never a stale copy from the server's cache.</summary>
    internal string ListUri(int limit, string? next)
    {
        var query = Query().Append(CultureInfo.InvariantCulture, $"limit={limit}");
        return (next is null ? query : query.Append("&continue=").Append(Uri.EscapeDataString(next))).ToString();
    }

    internal string WatchUri(string resourceVersion, TimeSpan serverTimeout) => Query()
        .Append("watch=true&allowWatchBookmarks=true&resourceVersion=").Append(Uri.EscapeDataString(resourceVersion))
        .Append(CultureInfo.InvariantCulture, $"&timeoutSeconds={Math.Max(1, (int)serverTimeout.TotalSeconds)}")
        .ToString();

    private StringBuilder Query()
    {
        var query = new StringBuilder(Kind.Path(Namespace)).Append('?');
        Append("labelSelector", LabelSelector);
        Append("fieldSelector", FieldSelector);
        return query;

        void Append(string name, string selector)
        {
            if (selector.Length > 0)
            {
                query.Append(name).Append('=').Append(Uri.EscapeDataString(selector)).Append('&');
            }
        }
    }
}
