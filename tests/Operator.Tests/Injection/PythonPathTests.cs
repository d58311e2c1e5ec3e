using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Tests.Injection;

/// <summary>A real Python in the environment of an injected container: the adapter is loaded, and the app's own still runs.</summary>
public sealed class PythonPathTests : IDisposable
{
    private const string Loaded = "import sys; print('loaded', any(type(f).__module__ == 'session_operator.finder' for f in sys.meta_path))";

    private readonly string _folder = Directory.CreateTempSubdirectory("pythonpath").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Fact]
    public void An_app_without_a_path_of_its_own_loads_the_adapter() => Assert.Equal(["loaded True"], Run(null, Loaded));

    [Fact]
    public void The_apps_own_folders_stay_first_and_in_order()
    {
        var one = Folder("one", "twice.py", "where = 'one'");
        var two = Folder("two", "twice.py", "where = 'two'");
        Assert.Equal(["one", "loaded True"], Run($"{one}:{two}", "import twice; print(twice.where); " + Loaded));
        Assert.Equal(["True"], Run($"{one}:{two}", $"import sys; print(sys.path[1:3] == ['{one}', '{two}'])"));
    }

    [Fact]
    public void The_apps_own_sitecustomize_runs_and_ours_is_loaded_behind_it()
    {
        var own = Folder("own", "sitecustomize.py", "print('own sitecustomize')");
        Assert.Equal(["own sitecustomize", "loaded True"], Run(own, Loaded));
    }

    [Fact]
    public void The_apps_own_usercustomize_runs_too()
    {
        var own = Folder("own", "usercustomize.py", "print('own usercustomize')");
        Assert.Equal(["own usercustomize", "loaded True"], Run(own, Loaded));
    }

    [Fact]
    public void An_empty_path_does_not_add_the_working_directory() =>
        Assert.Equal(["False"], Run("", "import os, sys; print(os.getcwd() in sys.path[1:])"));

    [Fact]
    public void A_path_that_the_kubelet_could_not_fill_in_harms_nothing() =>
        Assert.Equal(["loaded True"], Run("$(PYTHONPATH)", Loaded));

    private string Folder(string name, string file, string content)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        File.WriteAllText(Path.Combine(folder, file), content + "\n");
        return folder;
    }

    private string[] Run(string? own, string program)
    {
        var container = new JsonObject { ["name"] = "web", ["image"] = "shop:1" };
        if (own is not null)
        {
            container["env"] = new JsonArray(new JsonObject { ["name"] = "PYTHONPATH", ["value"] = own });
        }
        var pod = Make.Pod();
        pod["spec"]!["containers"] = new JsonArray(container);
        var env = Patches.Apply(pod, PodMutation.Decide(pod, Make.Around(), Make.Settings).Patch!)["spec"]!["containers"]![0]!["env"]!.AsArray();
        var start = new ProcessStartInfo("python3", ["-c", program]) { RedirectStandardOutput = true, WorkingDirectory = _folder };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        foreach (var variable in env)
        {
            start.Environment[variable!["name"]!.GetValue<string>()] =
                variable["value"]!.GetValue<string>().Replace(Names.AdapterDirectory, Adapter(), StringComparison.Ordinal);
        }
        using var python = Process.Start(start)!;
        var output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        Assert.Equal(0, python.ExitCode);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Adapter([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../adapters/django"));
}
