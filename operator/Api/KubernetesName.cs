namespace SessionOperator.Operator.Api;

/// <summary>What Kubernetes takes for the name of an object.</summary>
internal static class KubernetesName
{
    /// <summary>RFC 1123 subdomain: lower-case letters, digits, '-' and '.', at most 253.</summary>
    public static bool IsSubdomain(string name) =>
        name.Length is > 0 and <= 253 && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.');
}
