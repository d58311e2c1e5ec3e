using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>The HTTP side of docs/reference/sidecar-api.md: reads, validates, answers; decides nothing.</summary>
internal sealed class LocalApi(
    SessionRouter router, SessionEnding ending, Rescue rescue, Backends backends, AdapterPresence presence, ModeController mode,
    Func<StatusAnswer> status, ILogger log)
{
    public const long MaxBodyBytes = 8 * 1024 * 1024;
    private const int MaxKeyChars = 128;
    private const int MaxCacheKeyChars = 250;

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (ApiException e)
        {
            await ErrorAsync(context, e.HttpStatus, e.Code, e.Message);
        }
        catch (JsonException e)
        {
            // The message quotes no values, only where and what kind.
            await ErrorAsync(context, 400, "malformed", $"the body is not the JSON this request takes (at {e.Path ?? "$"}, line {e.LineNumber + 1})");
        }
        catch (BadHttpRequestException e)
        {
            var large = e.StatusCode == StatusCodes.Status413PayloadTooLarge;
            await ErrorAsync(context, large ? 413 : 400, large ? "too_large" : "malformed",
                large ? "the body is over 8 MiB" : "the request could not be read");
        }
        catch (JournalException e)
        {
            log.RequestFailed(context.Request.Path, e.Message);
            // The shared cache was asked before: other pods may have seen it.
            await AnswerAsync(context, Answer.Unconfirmed(e.Message));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The edge: whatever we got wrong, the adapter gets an answer it understands.
            log.RequestFailed(context.Request.Path, e.GetType().Name);
            await ErrorAsync(context, 500, "internal", "a defect of the sidecar; nothing was acknowledged");
        }
    }

    private async Task RouteAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (!path.StartsWith("/v1/", StringComparison.Ordinal))
        {
            throw new ApiException(404, "unsupported_version", "this sidecar speaks version 1: begin the path with /v1/");
        }

        if (path == "/v1/status")
        {
            Require(context, "GET");
            await WriteAsync(context, 200, status(), AnswerJson.Default.StatusAnswer);
            return;
        }

        Func<Task<Answer>> work = path switch
        {
            "/v1/load" => async () => await LoadAsync(await BodyAsync(context, SidecarJson.Default.LoadRequest), context.RequestAborted),
            "/v1/save" => async () => await router.SaveAsync(
                Valid(await BodyAsync(context, SidecarJson.Default.SaveRequest)), CancellationToken.None),
            "/v1/delete" => async () => await ending.DeleteAsync(
                Valid(await BodyAsync(context, SidecarJson.Default.DeleteRequest)), CancellationToken.None),
            "/v1/row" => async () => await router.KeepRowAsync(Valid(await BodyAsync(context, SidecarJson.Default.RowRequest))),
            "/v1/report" => async () => await rescue.ReportAsync(await BodyAsync(context, SidecarJson.Default.ReportRequest)),
            "/v1/loaded" => Loaded,
            "/v1/hello" => async () => Hello(await BodyAsync(context, SidecarJson.Default.AppDescription)),
            _ => throw new ApiException(404, "unknown_path", "no such request; see docs/reference/sidecar-api.md for those there are"),
        };
        Require(context, "POST");
        await AnswerAsync(context, await work());
    }

    private Task<Answer> LoadAsync(LoadRequest request, CancellationToken cancel)
    {
        var key = Key(request.Key);
        return request.RowGone ? router.LoadRowGoneAsync(key, cancel)
            : request.EntryGone ? router.LoadEntryGoneAsync(key, cancel)
            : router.LoadAsync(key, cancel);
    }

    private static Task AnswerAsync(HttpContext context, Answer answer)
    {
        SidecarMetrics.Requests.WithLabels(context.Request.Path.Value!["/v1/".Length..], answer.Status).Inc();
        return WriteAsync(context, 200, answer, AnswerJson.Default.Answer);
    }

    private Task<Answer> Loaded()
    {
        presence.Note();
        return Task.FromResult(new Answer("ok"));
    }

    private Answer Hello(AppDescription app)
    {
        var backend = backends.Announce(app);
        return new Answer("ok") { Api = 1, Mode = (int)mode.State.Mode, Fallback = mode.State.Fallback.ToString(), Limit = backend.Limit };
    }

    private static async Task<T> BodyAsync<T>(HttpContext context, JsonTypeInfo<T> type)
    {
        var body = await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted);
        return body ?? throw ApiException.Malformed("the body is null; send an object");
    }

    private static string Key(string? key)
    {
        if (string.IsNullOrEmpty(key))
        {
            throw ApiException.Malformed("\"key\" is missing; send the session key as a string");
        }

        return key.Length <= MaxKeyChars && key.All(char.IsAsciiLetterOrDigit)
            ? key : throw ApiException.Malformed($"\"key\" must be at most {MaxKeyChars} ASCII letters and digits");
    }

    // A raw key goes into a text protocol as it is: a space or a line end in it would be another command.
    private static void CacheKey(string name, string? key)
    {
        if (key is not null && (key.Length is 0 or > MaxCacheKeyChars || !key.All(c => c is > ' ' and < (char)127)))
        {
            throw ApiException.Malformed($"\"{name}\" must be 1 to {MaxCacheKeyChars} printable ASCII characters without spaces");
        }
    }

    private static void Columns(Dictionary<string, JsonElement>? columns)
    {
        if (columns is not { Count: > 0 })
        {
            throw ApiException.Malformed("\"columns\" is missing; send every column but the key, with its value");
        }

        foreach (var (name, value) in columns)
        {
            try
            {
                ColumnValue.Of(value);
            }
            catch (FormatException e)
            {
                throw ApiException.Malformed($"\"columns.{name}\": {e.Message}");
            }
        }
    }

    private static void Expires(DateTime? expires)
    {
        if (expires is null)
        {
            throw ApiException.Malformed("\"expires\" is missing; send an ISO 8601 time in UTC");
        }
    }

    private SaveRequest Valid(SaveRequest request)
    {
        Key(request.Key);
        CacheKey("cacheEntry", request.CacheEntry);
        CacheKey("tombstoneEntry", request.TombstoneEntry);
        CacheKey("savedEntry", request.SavedEntry);
        Columns(request.Columns);
        Expires(request.Expires);
        if (request.Change is not ("optional" or "state"))
        {
            throw ApiException.Malformed("\"change\" must be optional or state");
        }

        if (request.Base is { Length: < 1 } or { Sha256: null })
        {
            throw ApiException.Malformed("\"base\" needs a length of at least 1 and a sha256, or must be null");
        }

        var store = (backends.Current ?? throw Backends.HelloExpected()).App.Store!;
        foreach (var needed in new[] { store.DataColumn, store.ExpiryColumn })
        {
            if (!request.Columns!.ContainsKey(needed))
            {
                throw ApiException.Malformed($"\"columns\" lacks {needed}, which hello named");
            }
        }

        return request;
    }

    private static DeleteRequest Valid(DeleteRequest request)
    {
        Key(request.Key);
        CacheKey("cacheEntry", request.CacheEntry);
        CacheKey("tombstoneEntry", request.TombstoneEntry);
        Expires(request.Expires);
        return request;
    }

    private static RowRequest Valid(RowRequest request)
    {
        if (string.IsNullOrEmpty(request.Table) || string.IsNullOrEmpty(request.KeyColumn)
            || request.Key.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
        {
            throw ApiException.Malformed("a row update needs \"table\", \"keyColumn\" and \"key\" (a string or a number)");
        }

        Columns(request.Columns);
        return request;
    }

    private static void Require(HttpContext context, string method)
    {
        if (context.Request.Method != method)
        {
            throw new ApiException(405, "method_not_allowed", $"send {method} to this path");
        }
    }

    private static Task ErrorAsync(HttpContext context, int httpStatus, string code, string message)
    {
        SidecarMetrics.Requests.WithLabels("error", code).Inc();
        return WriteAsync(context, httpStatus, new ErrorBody(new ErrorDetail(code, message)), AnswerJson.Default.ErrorBody);
    }

    private static async Task WriteAsync<T>(HttpContext context, int httpStatus, T body, JsonTypeInfo<T> type)
    {
        if (context.Response.HasStarted)
        {
            return;
        }

        var bytes = JsonSerializer.SerializeToUtf8Bytes(body, type);
        context.Response.StatusCode = httpStatus;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
