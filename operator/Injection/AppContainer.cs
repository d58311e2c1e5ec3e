using System.Text.Json.Nodes;
using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Injection;

/// <summary>What changes in a container of the app: the runtime directory, and the adapter at the end of PYTHONPATH.</summary>
internal static class AppContainer
{
    private const string PythonPath = "PYTHONPATH";
    private const string RuntimeDirectory = "SESSION_OPERATOR_DIR";
    private const string FailFast = "SESSION_OPERATOR_FAIL_FAST";

    /// <exception cref="SkipException">Something of the app's is where ours would be.</exception>
    public static void Edit(PodEditor editor, int index, string? imagePath, bool failFast)
    {
        var path = $"/spec/containers/{index}";
        var container = (JsonObject)editor.Find(path)!;
        if (Json.Items(container, "volumeMounts").Any(mount => Json.Text(mount, "mountPath")?.TrimEnd('/') == Names.RuntimeDirectory))
        {
            throw PodRules.Taken("volume mount", Names.RuntimeDirectory);
        }
        if (Json.Items(container, "env").Any(variable => Json.Text(variable, "name") is RuntimeDirectory or Names.KeptPythonPath))
        {
            throw PodRules.Taken("variable", RuntimeDirectory);
        }
        Append(editor, path, container, imagePath);
        editor.Insert($"{path}/env", null, new JsonObject { ["name"] = RuntimeDirectory, ["value"] = Names.RuntimeDirectory });
        // What the app has set for itself counts: it may know better than who annotates it.
        if (failFast && !Json.Items(container, "env").Any(variable => Json.Text(variable, "name") == FailFast))
        {
            editor.Insert($"{path}/env", null, new JsonObject { ["name"] = FailFast, ["value"] = "1" });
        }
        // Read-only: the app looks at the page and connects to the socket, which takes no right to write to the folder.
        editor.Insert($"{path}/volumeMounts", null, new JsonObject
        {
            ["name"] = Names.RuntimeVolume,
            ["mountPath"] = Names.RuntimeDirectory,
            ["readOnly"] = true,
        });
    }

    private static void Append(PodEditor editor, string path, JsonObject container, string? imagePath)
    {
        var env = Json.Items(container, "env");
        // Of several with one name the last counts.
        var at = env.Select((variable, i) => (variable, i)).LastOrDefault(pair => Json.Text(pair.variable, "name") == PythonPath, (null!, -1)).Item2;
        if (at < 0)
        {
            editor.Insert($"{path}/env", null, Variable(Before(container, imagePath)));
            return;
        }
        var own = env[at];
        if (own["valueFrom"] is null)
        {
            editor.Set($"{path}/env/{at}", "value", With(Json.Text(own, "value")));
            return;
        }
        if (own["valueFrom"]!.AsObject().Any(source => source.Value?["optional"]?.GetValue<bool>() ?? false))
        {
            throw new SkipException(
                SkipReason.OptionalPythonPath,
                $"{PythonPath} of container {Json.Text(container, "name")} comes from an optional key, and nothing can be appended to what may be missing; write its value, or make the key required");
        }
        // Kept under another name, from where the kubelet puts it into ours: both stand in the place of the old one.
        var kept = (JsonObject)own.DeepClone();
        kept["name"] = Names.KeptPythonPath;
        editor.Insert($"{path}/env", at, kept);
        editor.Replace($"{path}/env", at + 1, Variable($"$({Names.KeptPythonPath})"));
    }

    /// <summary>What a container without a variable of its own would have.</summary>
    private static string? Before(JsonObject container, string? imagePath) =>
        // From envFrom, should it be in there. Where it is not, the kubelet leaves the words as they are, and Python passes
        // over a folder that does not exist.
        imagePath ?? (Json.Items(container, "envFrom").Count > 0 ? $"$({PythonPath})" : null);

    private static JsonObject Variable(string? before) => new() { ["name"] = PythonPath, ["value"] = With(before) };

    // An empty item would mean the working directory.
    private static string With(string? before) => string.IsNullOrEmpty(before) ? Names.AdapterDirectory : $"{before}:{Names.AdapterDirectory}";
}
