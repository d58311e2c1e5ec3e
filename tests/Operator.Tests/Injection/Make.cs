using System.Text.Json.Nodes;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Tests.Injection;

internal static class Make
{
    public static readonly InjectionSettings Settings = new("session-operator/sidecar:1", "session-operator", new Uri("https://session-operator.session-operator.svc:7443"))
    {
        PullPolicy = "IfNotPresent",
        Resources = JsonNode.Parse("""{"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"memory": "192Mi"}}""")!.AsObject(),
    };

    public static Surroundings Around(bool native = true, string? namespaceDatabase = null, string ns = "shop") =>
        new(ns, native, "-----BEGIN CERTIFICATE-----...", namespaceDatabase, new HashSet<string> { "orders-db", "carts-db" });

    public static JsonObject Pod(string spec = "{}", string annotations = """{"sessionoperator.dev/database": "orders-db"}""")
    {
        var pod = new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "web-1", ["annotations"] = JsonNode.Parse(annotations) },
            ["spec"] = new JsonObject { ["serviceAccountName"] = "default", ["containers"] = new JsonArray(new JsonObject { ["name"] = "web", ["image"] = "shop:1" }) },
        };
        foreach (var (name, value) in JsonNode.Parse(spec)!.AsObject())
        {
            pod["spec"]![name] = value?.DeepClone();
        }
        return pod;
    }
}
