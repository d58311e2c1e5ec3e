using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Tests.Injection;

/// <summary>
/// One pod and one patch a shape, in Golden/. After a wanted change: UPDATE_GOLDEN=1 writes the patches anew, and the
/// difference is what a reviewer looks at.
/// </summary>
public class GoldenTests
{
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Theory]
    [InlineData("plain", false)]
    [InlineData("native", true)]
    [InlineData("namespace-default", true)]
    [InlineData("several-containers", true)]
    [InlineData("proxy-first", true)]
    [InlineData("own-pythonpath", true)]
    [InlineData("pythonpath-from-configmap", true)]
    [InlineData("env-from", true)]
    [InlineData("image-pythonpath", true)]
    [InlineData("fail-fast", true)]
    [InlineData("other-init-containers", true)]
    [InlineData("root-pod", true)]
    [InlineData("guaranteed", false)]
    [InlineData("host-network", true)]
    [InlineData("port-taken", true)]
    [InlineData("job", true)]
    [InlineData("long-grace", true)]
    public void The_patch_is_the_one_on_file(string name, bool native)
    {
        var pod = Read(name);
        var verdict = PodMutation.Decide(pod, Make.Around(native, name == "namespace-default" ? "orders-db" : null), Make.Settings);
        Assert.Null(verdict.Skipped);
        var text = verdict.Patch!.ToJsonString(s_readable) + "\n";
        var file = Path.Combine(Folder(), $"{name}.patch.json");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(file, text);
        }
        Assert.Equal(File.ReadAllText(file), text);
        var injected = Patches.Apply(pod, verdict.Patch);
        Assert.Equal(SkipReason.AlreadyInjected, PodMutation.Decide(injected, Make.Around(native), Make.Settings).Skipped);
    }

    [Theory]
    [InlineData(null, "25")]
    [InlineData(20, "17")]
    [InlineData(600, "500")]
    [InlineData(86400, "3600")]
    [InlineData(1, "0")]
    [InlineData(0, "0")]
    public void The_sidecar_has_the_pods_time_to_end_less_what_it_needs_to_end_itself(int? seconds, string grace)
    {
        foreach (var (name, native) in new[] { ("plain", false), ("native", true) })
        {
            var pod = Read(name);
            if (seconds is { } given)
            {
                pod["spec"]!["terminationGracePeriodSeconds"] = (long)given;
            }
            var injected = Patches.Apply(pod, PodMutation.Decide(pod, Make.Around(native), Make.Settings).Patch!);
            var sidecar = injected["spec"]![native ? "initContainers" : "containers"]!.AsArray().Single(container => container!["name"]!.GetValue<string>() == Names.Sidecar)!;
            var arguments = sidecar["args"]!.AsArray().Select(argument => argument!.GetValue<string>()).ToList();
            Assert.Equal(grace, arguments[arguments.IndexOf("--grace") + 1]);
        }
    }

    internal static JsonObject Read(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder(), $"{name}.pod.json")))!.AsObject();

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Golden");
}
