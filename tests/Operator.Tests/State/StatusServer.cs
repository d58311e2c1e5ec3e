using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Tests.Watching;

namespace SessionOperator.Operator.Tests.State;

/// <summary>An API server that holds SessionDatabases and does with each request what the script says: keep the rules, or fail in some way.</summary>
internal sealed class StatusServer : IAsyncDisposable
{
    private static readonly string[] s_names = ["orders-db", "users"];
    private readonly ScriptedApiServer _server;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, JsonObject> _objects = [];
    private long _version = 1;

    private StatusServer(ScriptedApiServer server) => _server = server;

    /// <summary>What an operator knows that watches it.</summary>
    public SessionDatabases Known { get; } = new();

    public KubernetesDecisionStore Store => new(new ApiCalls(_server.Transport) { Deadline = TimeSpan.FromMilliseconds(400) }, Known) { Deadline = TimeSpan.FromMilliseconds(800) };

    public static async Task<StatusServer> StartAsync(params Answer[] script)
    {
        var server = new StatusServer(await ScriptedApiServer.StartAsync());
        foreach (var name in s_names)
        {
            server._objects[name] = JsonNode.Parse(
                $$"""{"metadata":{"namespace":"default","name":"{{name}}","uid":"uid-{{name}}","resourceVersion":"1"},"spec":{} }""")!.AsObject();
            await server.Known.Upserted(null, server.Stored(name), CancellationToken.None);
        }
        return server.Script(script);
    }

    public StatusServer Script(params Answer[] script)
    {
        _server.Then(script);
        return this;
    }

    public SessionDatabase Stored(string name = "orders-db")
    {
        lock (_lock)
        {
            return _objects[name].Deserialize<SessionDatabase>(ApiJson.Options)!;
        }
    }

    /// <summary>From now on it does what an API server does, as often as it is asked.</summary>
    public StatusServer Honest(int requests = 50)
    {
        _server.Then([.. Enumerable.Repeat<Answer>(Honestly, requests)]);
        return this;
    }

    /// <summary>The write is carried out, and the one who wrote never hears of it.</summary>
    public async Task Lost(HttpContext context)
    {
        _ = Apply(context.Request, await Body(context));
        context.Abort();
    }

    /// <summary>As an API server does it.</summary>
    public async Task Honestly(HttpContext context)
    {
        var (status, answer) = Apply(context.Request, await Body(context));
        context.Response.StatusCode = status;
        await context.Response.WriteAsync(answer, context.RequestAborted);
    }

    /// <summary>Somebody changes what is no decision.</summary>
    public void Label()
    {
        lock (_lock)
        {
            _objects["orders-db"]["metadata"]!["resourceVersion"] = $"{++_version}";
        }
    }

    /// <summary>Another replica writes its decision.</summary>
    public void Write(JsonObject status)
    {
        lock (_lock)
        {
            _objects["orders-db"]["metadata"]!["resourceVersion"] = $"{++_version}";
            _objects["orders-db"]["status"] = status;
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task<JsonObject?> Body(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) ? null : (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted))?.AsObject();

    private (int Status, string Answer) Apply(HttpRequest request, JsonObject? body)
    {
        var name = request.Path.Value!.Split('/').SkipWhile(part => part != SessionDatabase.Plural).ElementAt(1);
        lock (_lock)
        {
            var there = _objects[name];
            if (body is null)
            {
                return (200, there.ToJsonString());
            }
            if (body["metadata"]!["resourceVersion"]!.GetValue<string>() != there["metadata"]!["resourceVersion"]!.GetValue<string>())
            {
                return (409, """{"kind":"Status","reason":"Conflict","message":"the object has been modified"}""");
            }
            there["metadata"]!["resourceVersion"] = $"{++_version}";
            there["status"] = body["status"]!.DeepClone();
            return (200, there.ToJsonString());
        }
    }
}
