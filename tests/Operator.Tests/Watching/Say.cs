using System.Text;
using Microsoft.AspNetCore.Http;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>Answers of an API server, sound and unsound.</summary>
internal static class Say
{
    public static string Object(string name, string version, string uid = "") =>
        $$"""{"metadata":{"namespace":"shop","name":"{{name}}","uid":"{{(uid.Length > 0 ? uid : "uid-" + name)}}","resourceVersion":"{{version}}"},"value":"{{name}}{{version}}"}""";

    public static string Event(string type, string item) => $$"""{"type":"{{type}}","object":{{item}}}""";

    public static string Added(string name, string version, string uid = "") => Event("ADDED", Object(name, version, uid));

    public static string Modified(string name, string version) => Event("MODIFIED", Object(name, version));

    public static string Deleted(string name, string version) => Event("DELETED", Object(name, version));

    public static string Bookmark(string version) => Event("BOOKMARK", $$"""{"metadata":{"resourceVersion":"{{version}}"} }""");

    public static string Error(int code, string reason) =>
        Event("ERROR", $$"""{"kind":"Status","status":"Failure","message":"too old","reason":"{{reason}}","code":{{code}}}""");

    public static Answer List(string version, params string[] items) => Page(version, null, items);

    public static Answer Page(string version, string? next, params string[] items) => async context =>
    {
        context.Response.ContentType = "application/json";
        var more = next is null ? "" : $$""","continue":"{{next}}" """;
        await Write(context, $$"""{"metadata":{"resourceVersion":"{{version}}"{{more}}},"items":[{{string.Join(',', items)}}]}""");
    };

    /// <summary>A list whose body stops in the middle, connection open.</summary>
    public static Answer StalledList => async context =>
    {
        await Write(context, """{"metadata":{"resourceVersion":"5"},"items":[""");
        await Hang(context);
    };

    /// <summary>These lines, then the regular end of a stream.</summary>
    public static Answer Watch(params string[] lines) => context => Lines(context, lines);

    /// <summary>These lines, then nothing more, connection open.</summary>
    public static Answer Open(params string[] lines) => async context =>
    {
        await Lines(context, lines);
        await Hang(context);
    };

    /// <summary>These lines, then the connection breaks when the test says so: a broken connection loses what is unread.</summary>
    public static Answer Reset(Task when, params string[] lines) => async context =>
    {
        await Lines(context, lines);
        await when;
        context.Abort();
    };

    /// <summary>The request is accepted and nothing ever comes back.</summary>
    public static Answer Nothing => Hang;

    public static Answer Status(int code, string message = "scripted", int? retryAfter = null) => async context =>
    {
        context.Response.StatusCode = code;
        if (retryAfter is { } seconds)
        {
            context.Response.Headers.RetryAfter = $"{seconds}";
        }
        await Write(context, $$"""{"kind":"Status","status":"Failure","message":"{{message}}","code":{{code}}}""");
    };

    private static async Task Lines(HttpContext context, string[] lines)
    {
        await context.Response.StartAsync(context.RequestAborted);
        foreach (var line in lines)
        {
            await Write(context, line + "\n");
        }
    }

    private static async Task Write(HttpContext context, string text)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    private static Task Hang(HttpContext context) => Task.Delay(Timeout.Infinite, context.RequestAborted);
}
