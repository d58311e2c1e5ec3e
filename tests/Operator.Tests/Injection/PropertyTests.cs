using System.Text.Json.Nodes;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Tests.Injection;

/// <summary>What holds for any pod, over pods drawn at random; a failure names the seed.</summary>
public class PropertyTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 300)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Twice_is_once_and_nothing_of_the_pods_own_changes(int seed)
    {
        var random = new Random(seed);
        var pod = RandomPod(random);
        var around = Make.Around(native: random.Next(2) == 0);
        var verdict = PodMutation.Decide(pod, around, Make.Settings);
        if (verdict.Patch is null)
        {
            Assert.True(verdict.Skipped is SkipReason.RunsToCompletion or SkipReason.OptionalPythonPath, $"seed {seed}: {verdict}");
            return;
        }
        var once = Patches.Apply(pod, verdict.Patch);
        // Another webhook may add to the pod before this one is asked again.
        once["spec"]!["containers"]!.AsArray().Insert(0, new JsonObject { ["name"] = "mesh-proxy" });
        Assert.Null(PodMutation.Decide(once, around, Make.Settings).Patch);
        once["spec"]!["containers"]!.AsArray().RemoveAt(0);
        Assert.True(JsonNode.DeepEquals(WithoutEmpty(pod), WithoutEmpty(Uninjected(once))), $"seed {seed}: {pod.ToJsonString()}\nand {Uninjected(once).ToJsonString()}");
    }

    /// <summary>An injected pod with everything taken out that is ours.</summary>
    private static JsonObject Uninjected(JsonObject injected)
    {
        var pod = (JsonObject)injected.DeepClone();
        var spec = pod["spec"]!;
        Remove(spec, "containers", name => name == Names.Sidecar);
        Remove(spec, "initContainers", name => name is Names.Sidecar or Names.Installer);
        Remove(spec, "volumes", name => name.StartsWith(Names.RuntimeVolume, StringComparison.Ordinal));
        foreach (var container in spec["containers"]!.AsArray())
        {
            Remove(container!, "volumeMounts", name => name == Names.RuntimeVolume);
            var kept = container!["env"]?.AsArray().FirstOrDefault(e => e!["name"]!.GetValue<string>() == Names.KeptPythonPath)?["valueFrom"]?.DeepClone();
            Remove(container!, "env", name => name is "SESSION_OPERATOR_DIR" or Names.KeptPythonPath);
            foreach (var variable in container!["env"]?.AsArray() ?? [])
            {
                if (variable!["value"]?.GetValue<string>() == $"$({Names.KeptPythonPath}):{Names.AdapterDirectory}")
                {
                    variable["valueFrom"] = kept!.DeepClone();
                    variable.AsObject().Remove("value");
                }
                else if (variable["value"]?.GetValue<string>() is { } value && value.EndsWith(":" + Names.AdapterDirectory, StringComparison.Ordinal))
                {
                    variable["value"] = value[..^(Names.AdapterDirectory.Length + 1)];
                }
            }
            RemoveWhere(container!, "env", e => e["value"]?.GetValue<string>() is Names.AdapterDirectory or "$(PYTHONPATH)");
        }
        pod["metadata"]!["labels"]?.AsObject().Remove("sessionoperator.dev/sidecar");
        pod["metadata"]!["annotations"]!.AsObject().Remove("sessionoperator.dev/injected");
        pod["metadata"]!["annotations"]!.AsObject().Remove("sessionoperator.dev/ca");
        return pod;
    }

    private static void Remove(JsonNode parent, string list, Func<string, bool> which) => RemoveWhere(parent, list, item => which(item["name"]!.GetValue<string>()));

    private static void RemoveWhere(JsonNode parent, string list, Func<JsonNode, bool> which)
    {
        foreach (var item in (parent[list]?.AsArray() ?? []).Where(item => which(item!)).ToList())
        {
            parent[list]!.AsArray().Remove(item);
        }
    }

    private static JsonNode? WithoutEmpty(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.Select(pair => KeyValuePair.Create(pair.Key, WithoutEmpty(pair.Value))).Where(pair => pair.Value is not null and not JsonObject { Count: 0 } and not JsonArray { Count: 0 })),
        JsonArray list => new JsonArray([.. list.Select(WithoutEmpty)]),
        _ => node?.DeepClone(),
    };

    private static JsonObject RandomPod(Random random)
    {
        bool Coin() => random.Next(2) == 0;
        JsonObject Variable(string name) => Coin() ? new() { ["name"] = name, ["value"] = $"v{random.Next(9)}" } : new()
        {
            ["name"] = name,
            ["valueFrom"] = new JsonObject { ["configMapKeyRef"] = new JsonObject { ["name"] = "c", ["key"] = "k", ["optional"] = random.Next(4) == 0 } },
        };
        JsonObject Container(string name)
        {
            var container = new JsonObject { ["name"] = name, ["image"] = "i:1" };
            if (Coin())
            {
                container["env"] = new JsonArray([.. new[] { "A", "PYTHONPATH", "B", "PYTHONPATH", "C" }.Where(_ => Coin()).Select(n => (JsonNode)Variable(n))]);
            }
            if (Coin())
            {
                container["envFrom"] = new JsonArray(new JsonObject { ["secretRef"] = new JsonObject { ["name"] = "s" } });
            }
            if (Coin())
            {
                container["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "data", ["mountPath"] = "/data" });
            }
            return container;
        }
        var names = Enumerable.Range(0, random.Next(1, 4)).Select(i => $"c{i}").ToList();
        var annotations = new JsonObject { ["sessionoperator.dev/database"] = "orders-db" };
        if (Coin())
        {
            annotations["sessionoperator.dev/containers"] = string.Join(",", names.Where(_ => Coin()).DefaultIfEmpty(names[0]));
        }
        var spec = new JsonObject { ["serviceAccountName"] = "default", ["containers"] = new JsonArray([.. names.Select(n => (JsonNode)Container(n))]) };
        if (Coin())
        {
            spec["initContainers"] = new JsonArray(Container("init"));
        }
        if (Coin())
        {
            spec["volumes"] = new JsonArray(new JsonObject { ["name"] = "data", ["emptyDir"] = new JsonObject() });
        }
        if (Coin())
        {
            spec["restartPolicy"] = "Never";
        }
        return new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations }, ["spec"] = spec };
    }
}
