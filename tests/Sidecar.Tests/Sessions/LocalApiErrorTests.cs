using System.Net;
using System.Text;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Sessions;

/// <summary>Every row of the error table of docs/reference/sidecar-api.md, through the socket.</summary>
public sealed class LocalApiErrorTests(LocalApiErrorTests.Announced sidecar) : IClassFixture<LocalApiErrorTests.Announced>
{
    private const string Columns = """ "columns":{"session_data":"x","expire_date":"2030-01-01T00:00:00Z"} """;
    private const string Expires = """ "expires":"2030-01-01T00:00:00Z" """;

    private async Task FailsAsync(string method, string path, string? body, HttpStatusCode status, string code, string says)
    {
        using var content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        var (actual, answer) = await sidecar.Sidecar.SendAsync(method, path, content);
        var error = answer.GetProperty("error");
        Assert.Equal((status, code), (actual, error.GetProperty("code").GetString()));
        Assert.Contains(says, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("s3ssion", answer.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/status")]
    [InlineData("/v2/load")]
    [InlineData("/v10/load")]
    public Task A_version_it_does_not_speak(string path) =>
        FailsAsync("POST", path, "{}", HttpStatusCode.NotFound, "unsupported_version", "begin the path with /v1/");

    [Theory]
    [InlineData("POST", "/v1/loads")]
    [InlineData("GET", "/v1/")]
    [InlineData("POST", "/v1/load/s3ssion")]
    public Task A_request_there_is_not(string method, string path) =>
        FailsAsync(method, path, method == "GET" ? null : "{}", HttpStatusCode.NotFound, "unknown_path", "no such request");

    [Theory]
    [InlineData("GET", "/v1/load", "send POST")]
    [InlineData("PUT", "/v1/save", "send POST")]
    [InlineData("GET", "/v1/delete", "send POST")]
    [InlineData("GET", "/v1/row", "send POST")]
    [InlineData("GET", "/v1/report", "send POST")]
    [InlineData("GET", "/v1/hello", "send POST")]
    [InlineData("POST", "/v1/status", "send GET")]
    public Task Another_method(string method, string path, string says) =>
        FailsAsync(method, path, null, HttpStatusCode.MethodNotAllowed, "method_not_allowed", says);

    [Theory]
    [InlineData("/v1/load", "", "not the JSON")]
    [InlineData("/v1/load", "{", "not the JSON")]
    [InlineData("/v1/load", "[]", "not the JSON")]
    [InlineData("/v1/load", "null", "send an object")]
    [InlineData("/v1/load", """{"key":5}""", "$.key")]
    [InlineData("/v1/load", "{}", "\"key\" is missing; send the session key as a string")]
    [InlineData("/v1/load", """{"key":""}""", "\"key\" is missing")]
    [InlineData("/v1/load", """{"key":"s3ssion\r\ndelete x"}""", "ASCII letters and digits")]
    [InlineData("/v1/load", """{"key":"s3ssion/../x"}""", "ASCII letters and digits")]
    [InlineData("/v1/save", $$"""{"change":"state",{{Columns}},{{Expires}}}""", "\"key\" is missing")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion",{{Columns}},{{Expires}}}""", "\"change\" must be optional or state")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"State",{{Columns}},{{Expires}}}""", "\"change\" must be optional or state")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Expires}}}""", "\"columns\" is missing")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state","columns":{},{{Expires}}}""", "\"columns\" is missing")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}}}""", "\"expires\" is missing; send an ISO 8601 time in UTC")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},"expires":"soon"}""", "$.expires")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state","columns":{"session_data":"x"},{{Expires}}}""", "\"columns\" lacks expire_date, which hello named")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state","columns":{"session_data":["x"],"expire_date":"x"},{{Expires}}}""", "\"columns.session_data\"")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state","columns":{"session_data":{"base64":"%"},"expire_date":"x"},{{Expires}}}""", "base64")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state","columns":{"session_data":"\ud800","expire_date":"x"},{{Expires}}}""", "\"columns.session_data\"")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},{{Expires}},"base":{"length":0,"sha256":"x"} }""", "\"base\"")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},{{Expires}},"base":{"length":5} }""", "\"base\"")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},{{Expires}},"cacheEntry":"a b"}""", "\"cacheEntry\" must be 1 to 250 printable")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},{{Expires}},"cacheEntry":"a\r\nflush_all"}""", "\"cacheEntry\"")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},{{Expires}},"tombstoneEntry":""}""", "\"tombstoneEntry\"")]
    [InlineData("/v1/save", $$"""{"key":"s3ssion","change":"state",{{Columns}},{{Expires}},"savedEntry":"a\r\nflush_all"}""", "\"savedEntry\"")]
    [InlineData("/v1/delete", $$"""{ {{Expires}} }""", "\"key\" is missing")]
    [InlineData("/v1/delete", """{"key":"s3ssion"}""", "\"expires\" is missing")]
    [InlineData("/v1/delete", $$"""{"key":"s3ssion",{{Expires}},"tombstoneEntry":"a\nb"}""", "\"tombstoneEntry\"")]
    [InlineData("/v1/row", """{"table":"t","key":5,"columns":{"a":1}}""", "a row update needs")]
    [InlineData("/v1/row", """{"table":"t","keyColumn":"id","key":[5],"columns":{"a":1}}""", "a row update needs")]
    [InlineData("/v1/row", """{"table":"t","keyColumn":"id","columns":{"a":1}}""", "a row update needs")]
    [InlineData("/v1/row", """{"table":"t","keyColumn":"id","key":5}""", "\"columns\" is missing")]
    [InlineData("/v1/report", "{}", "\"verdict\" must be read_only, unreachable, deadline or busy")]
    [InlineData("/v1/report", """{"verdict":"down"}""", "\"verdict\" must be")]
    [InlineData("/v1/hello", "{}", "\"api\" is 0; this sidecar speaks version 1")]
    [InlineData("/v1/hello", """{"api":2}""", "\"api\" is 2; this sidecar speaks version 1")]
    [InlineData("/v1/hello", """{"api":1}""", "\"database.kind\" is missing")]
    [InlineData("/v1/hello", """{"api":1,"database":{"kind":"postgresql"},"store":{"table":"t"}}""", "\"store\" needs table, keyColumn")]
    [InlineData("/v1/hello", """{"api":1,"database":{"kind":"postgresql","port":-1},"store":{"table":"django_session","keyColumn":"k","dataColumn":"d","expiryColumn":"e"}}""", "\"database.port\"")]
    [InlineData("/v1/hello", """{"api":1,"database":{"kind":"postgresql"},"store":{"table":"django_session","keyColumn":"k","dataColumn":"d","expiryColumn":"e","sentinel":{"a":[1]}}}""", "\"store.sentinel.a\"")]
    public Task A_body_that_is_not_what_the_page_describes(string path, string body, string says) =>
        FailsAsync("POST", path, body, HttpStatusCode.BadRequest, "malformed", says);

    [Fact]
    public Task A_key_longer_than_any_framework_makes() =>
        FailsAsync("POST", "/v1/load", $$"""{"key":"{{new string('a', 129)}}"}""", HttpStatusCode.BadRequest, "malformed", "at most 128");

    [Fact]
    public Task A_cache_key_longer_than_a_cache_takes() =>
        FailsAsync("POST", "/v1/delete", $$"""{"key":"a",{{Expires}},"cacheEntry":"{{new string('a', 251)}}"}""",
            HttpStatusCode.BadRequest, "malformed", "\"cacheEntry\"");

    [Fact]
    public Task An_app_with_another_table_in_the_same_pod() =>
        FailsAsync("POST", "/v1/hello", System.Text.Json.JsonSerializer.Serialize(RunningSidecar.App(table: "other_session")),
            HttpStatusCode.Conflict, "other_store", "keeps the sessions of table django_session");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_over_8_MiB(bool chunked)
    {
        var bytes = Encoding.UTF8.GetBytes($$"""{"key":"{{new string('a', 8 * 1024 * 1024)}}"}""");
        using HttpContent content = chunked ? new Chunked(bytes) : new ByteArrayContent(bytes);
        var (status, answer) = await sidecar.Sidecar.SendAsync("POST", "/v1/load", content);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "too_large"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task After_all_these_it_serves() => Assert.Equal("normal", await sidecar.Sidecar.OutcomeAsync("/v1/save", RunningSidecar.Save("a")));

    /// <summary>A body whose length is not announced.</summary>
    private sealed class Chunked(byte[] bytes) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(bytes).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    /// <summary>A sidecar to which an app has said hello.</summary>
    public sealed class Announced : IAsyncLifetime
    {
        internal RunningSidecar Sidecar { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Sidecar = await RunningSidecar.StartAsync();
            await Sidecar.OkAsync("/v1/hello", RunningSidecar.App());
        }

        public ValueTask DisposeAsync() => Sidecar.DisposeAsync();
    }
}
