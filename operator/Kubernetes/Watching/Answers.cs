using System.Net;
using System.Text.Json;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>What an answer other than 200 means, as a status of HTTP or as a Status object inside a stream.</summary>
internal static class Answers
{
    private const int MostWords = 300;
    private const int MostBytes = 16 * 1024;

    public static async Task<WatchEnd> ExplainAsync(HttpResponseMessage answer, WatchTarget target, CancellationToken cancellation)
    {
        var words = await WordsAsync(answer, cancellation);
        return Explain((int)answer.StatusCode, words, target) with { RetryAfter = RetryAfter(answer) };
    }

    /// <param name="status">A Status object of the Kubernetes API.</param>
    /// <param name="target">What was watched.</param>
    public static WatchEnd Explain(JsonElement status, WatchTarget target)
    {
        var code = (int)(status.Number("code") ?? 0);
        var words = Line(status.Text("message") ?? status.Text("reason") ?? "no message");
        return status.Text("reason") is "Expired" or "Gone"
            ? Explain((int)HttpStatusCode.Gone, words, target)
            : Explain(code, words, target) with
            {
                RetryAfter = status.At("details").Number("retryAfterSeconds") is { } wait and > 0 ? TimeSpan.FromSeconds(wait) : null,
            };
    }

    public static WatchEnd Explain(int code, string words, WatchTarget target) => code switch
    {
        410 => new WatchEnd(EndReason.Gone, $"the server no longer knows where to go on ({words})"),
        401 => new WatchEnd(EndReason.Unauthorized, $"401: the server does not accept our credentials ({words})"),
        403 => new WatchEnd(EndReason.Forbidden, $"403: the operator may not list and watch {target.Kind}; {Grant(target)} ({words})"),
        404 => new WatchEnd(EndReason.NotInstalled, $"404: the server knows no {target.Kind} of version {target.Kind.Version} ({words})"),
        429 => new WatchEnd(EndReason.Throttled, $"429: the server asks to come back later ({words})"),
        >= 400 and < 500 => new WatchEnd(EndReason.Refused, $"{code}: the server refuses the request ({words})"),
        >= 500 => new WatchEnd(EndReason.ServerError, $"{code}: the server has a problem ({words})"),
        _ => new WatchEnd(EndReason.Malformed, $"an answer nobody expects: {code} ({words})"),
    };

    private static string Grant(WatchTarget target) => target.Namespace is { } ns
        ? $"give its service account a Role with list and watch on {target.Kind}{Named(target)} in namespace {ns}"
        : $"give its service account a ClusterRole with list and watch on {target.Kind}, or name the namespaces it is to serve";

    private static string Named(WatchTarget target) => target.FieldSelector.StartsWith(WatchTarget.NameIs, StringComparison.Ordinal)
        ? $" (resourceNames: [{target.FieldSelector[WatchTarget.NameIs.Length..]}] suffices)" : "";

    private static TimeSpan? RetryAfter(HttpResponseMessage answer) => answer.Headers.RetryAfter switch
    {
        { Delta: { } delta } when delta > TimeSpan.Zero => delta,
        { Date: { } date } when date > DateTimeOffset.UtcNow => date - DateTimeOffset.UtcNow,
        _ => null,
    };

    private static async Task<string> WordsAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        var body = new byte[MostBytes];
        await using var stream = await answer.Content.ReadAsStreamAsync(cancellation);
        var length = await stream.ReadAtLeastAsync(body, MostBytes, throwOnEndOfStream: false, cancellation);
        try
        {
            using var status = JsonDocument.Parse(body.AsMemory(0, length));
            return Line(status.RootElement.Text("message") ?? "no message");
        }
        catch (JsonException)
        {
            // Not Kubernetes' own words: a proxy's page, or nothing.
            return Line(System.Text.Encoding.UTF8.GetString(body, 0, Math.Min(length, MostWords)));
        }
    }

    private static string Line(string text) => Fleet.Checks.Line(text.Trim(), MostWords);
}
