using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>
/// Single requests to the API server with the client's connection and credentials. The client's own calls read bodies
/// without deadline or cancellation; these end in time, whatever the server or the network does.
/// </summary>
/// <param name="transport">Sends them.</param>
public sealed class ApiCalls(ApiTransport transport)
{
    public const string MergePatch = "application/merge-patch+json";
    public const string StrategicMergePatch = "application/strategic-merge-patch+json";
    public const string ApplyPatch = "application/apply-patch+yaml";
    private const int MaxMessage = 300;

    /// <summary>How long one call may take from beginning to end.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(2.5);

    /// <summary>The same, for calls that somebody waits for no longer than that.</summary>
    public ApiCalls Within(TimeSpan deadline) => new(transport) { Deadline = deadline };

    public static ApiCalls Of(k8s.Kubernetes client) => new(ApiTransport.Of(client));

    /// <param name="path">Below the server's address, without a leading slash.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="ApiException">The server says no.</exception>
    /// <exception cref="ApiUnavailableException">No answer in time.</exception>
    public Task<T> GetAsync<T>(string path, CancellationToken cancellation) =>
        SendAsync<T>(HttpMethod.Get, path, null, cancellation);

    /// <inheritdoc cref="GetAsync"/>
    public Task<T> PostAsync<T>(string path, object body, CancellationToken cancellation) =>
        SendAsync<T>(HttpMethod.Post, path, Json(body, "application/json", ApiJson.Options), cancellation);

    /// <inheritdoc cref="GetAsync"/>
    public Task<T> PutAsync<T>(string path, object body, CancellationToken cancellation) =>
        SendAsync<T>(HttpMethod.Put, path, Json(body, "application/json", ApiJson.Options), cancellation);

    /// <summary>Sends a merge patch: absent values of the body are removed there.</summary>
    /// <inheritdoc cref="GetAsync"/>
    public Task<T> MergeAsync<T>(string path, object body, CancellationToken cancellation) =>
        SendAsync<T>(HttpMethod.Patch, path, Json(body, MergePatch, ApiJson.Patch), cancellation);

    /// <summary>Sends a strategic merge patch: items of lists are told apart by their names.</summary>
    /// <inheritdoc cref="GetAsync"/>
    public Task<T> StrategicMergeAsync<T>(string path, object body, CancellationToken cancellation) =>
        SendAsync<T>(HttpMethod.Patch, path, Json(body, StrategicMergePatch, ApiJson.Options), cancellation);

    /// <summary>
    /// Applies on the server: what the body holds is the manager's from then on, and what it no longer holds goes, unless
    /// it is somebody else's too. Nothing is taken from another manager: that is a conflict.
    /// </summary>
    /// <param name="path">The object's.</param>
    /// <param name="manager">Who applies.</param>
    /// <param name="body">The part of the object that is the manager's; JSON is YAML.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <inheritdoc cref="GetAsync"/>
    public Task<T> ApplyAsync<T>(string path, string manager, object body, CancellationToken cancellation) =>
        SendAsync<T>(HttpMethod.Patch, $"{path}?fieldManager={Uri.EscapeDataString(manager)}", Json(body, ApplyPatch, ApiJson.Options), cancellation);

    private static ByteArrayContent Json(object body, string mediaType, JsonSerializerOptions options)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, options));
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        return content;
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? body, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Deadline);
        try
        {
            using var answer = await transport.SendAsync(method, path, body, deadline.Token);
            await using var content = await answer.Content.ReadAsStreamAsync(deadline.Token);
            if (!answer.IsSuccessStatusCode)
            {
                throw await Refusal(answer.StatusCode, content, deadline.Token);
            }
            return await JsonSerializer.DeserializeAsync<T>(content, ApiJson.Options, deadline.Token)
                ?? throw new ApiUnavailableException("the API server answered with nothing");
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new ApiUnavailableException($"the API server did not answer within {Deadline.TotalSeconds:0.#} s", late);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            throw new ApiUnavailableException($"the API server cannot be reached ({Line(broken)})", broken);
        }
        catch (JsonException broken)
        {
            throw new ApiUnavailableException($"the API server's answer cannot be read ({Line(broken)})", broken);
        }
    }

    /// <summary>What a later attempt may mend is "unavailable", the rest is a refusal.</summary>
    private static async Task<Exception> Refusal(HttpStatusCode status, Stream content, CancellationToken cancellation)
    {
        var (reason, message) = ("", $"HTTP {(int)status}");
        try
        {
            using var body = await JsonDocument.ParseAsync(content, cancellationToken: cancellation);
            if (body.RootElement.ValueKind == JsonValueKind.Object)
            {
                reason = body.RootElement.TryGetProperty("reason", out var word) ? word.GetString() ?? "" : "";
                message = body.RootElement.TryGetProperty("message", out var words) ? words.GetString() ?? message : message;
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // Not Kubernetes' own words, but those of something in between: the status has to do.
            reason = "";
        }
        message = Fleet.Checks.Line(message, MaxMessage);
        return (int)status >= 500 || status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            ? new ApiUnavailableException($"the API server says {(int)status}: {message}")
            : new ApiException(status, reason, message);
    }

    private static string Line(Exception exception) => Fleet.Checks.Line(exception.InnerException?.Message ?? exception.Message, MaxMessage);
}
