using System.Text.Json.Nodes;
using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Injection;

/// <summary>The volumes an injected pod has besides its own.</summary>
internal static class PodVolumes
{
    public static IEnumerable<JsonObject> All() =>
    [
        // In memory: the heartbeat changes ten times a second, which a disk need not know.
        Volume(Names.RuntimeVolume, "emptyDir", new() { ["medium"] = "Memory", ["sizeLimit"] = "16Mi" }),
        // Beyond its limit the pod would be evicted: the journal ends at 64 MiB of live records, four times that on disk before
        // it is rewritten, and both files for a moment.
        Volume(Names.JournalVolume, "emptyDir", new() { ["sizeLimit"] = "512Mi" }),
        Volume(Names.IdentityVolume, "projected", new()
        {
            ["sources"] = new JsonArray(
                new JsonObject
                {
                    ["serviceAccountToken"] = new JsonObject
                    {
                        ["audience"] = Names.TokenAudience,
                        ["expirationSeconds"] = 3600,
                        ["path"] = "token",
                    },
                },
                new JsonObject
                {
                    ["downwardAPI"] = new JsonObject
                    {
                        ["items"] = new JsonArray(new JsonObject
                        {
                            ["path"] = Names.AuthoritiesFile,
                            ["fieldRef"] = new JsonObject { ["fieldPath"] = $"metadata.annotations['{Annotations.Authorities}']" },
                        }),
                    },
                }),
        }),
    ];

    public static JsonObject Mount(string volume, string path, bool readOnly = false)
    {
        var mount = new JsonObject { ["name"] = volume, ["mountPath"] = path };
        if (readOnly)
        {
            mount["readOnly"] = true;
        }
        return mount;
    }

    private static JsonObject Volume(string name, string kind, JsonObject what) => new() { ["name"] = name, [kind] = what };
}
