using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Tests.Injection;

/// <summary>Applies a JSON patch as the API server does (RFC 6902: add and replace), and refuses what that would refuse.</summary>
internal static class Patches
{
    public static JsonObject Apply(JsonObject target, JsonArray patch)
    {
        var result = (JsonObject)target.DeepClone();
        foreach (var operation in patch)
        {
            var steps = operation!["path"]!.GetValue<string>().Split('/').Skip(1).Select(s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToList();
            JsonNode parent = result;
            foreach (var step in steps[..^1])
            {
                parent = (parent is JsonArray items ? items[int.Parse(step)] : parent[step]) ?? throw new InvalidOperationException($"no {step} on the way of {operation["path"]}");
            }
            var add = operation["op"]!.GetValue<string>() == "add";
            var value = operation["value"]?.DeepClone();
            switch (parent)
            {
                case JsonArray list when add:
                    list.Insert(steps[^1] == "-" ? list.Count : int.Parse(steps[^1]), value);
                    break;
                case JsonArray list:
                    list[int.Parse(steps[^1])] = value;
                    break;
                case JsonObject map:
                    Assert.True(add || map.ContainsKey(steps[^1]), $"nothing to replace at {operation["path"]}");
                    map[steps[^1]] = value;
                    break;
            }
        }
        return result;
    }
}
