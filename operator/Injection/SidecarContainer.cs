using System.Globalization;
using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>The containers that are added to a pod.</summary>
internal sealed class SidecarContainer(JsonObject pod, Intent intent, Surroundings around, InjectionSettings settings)
{
    /// <summary>An init container that stays: started before the app, ended after it. It writes the adapter itself, before it counts as started.</summary>
    public JsonObject Native()
    {
        var container = Running(["--adapter", Names.AdapterSource]);
        container["restartPolicy"] = "Always";
        // Asks the process itself. Nothing outside the pod can keep the app from starting.
        container["startupProbe"] = new JsonObject
        {
            ["exec"] = new JsonObject { ["command"] = new JsonArray(Names.Program, "--check", Names.RuntimeDirectory) },
            ["periodSeconds"] = 1,
            ["timeoutSeconds"] = 5,
            ["failureThreshold"] = 60,
        };
        return container;
    }

    /// <summary>A container beside the app's, where there is nothing better.</summary>
    public JsonObject Plain() => Running([]);

    /// <summary>An init container that writes the adapter and ends. It reports what went wrong, but never keeps the app from starting.</summary>
    public JsonObject Installer() => Container(
        Names.Installer,
        ["--install-adapter", Names.AdapterSource, Names.AdapterDirectory, "--or-leave-stock"],
        []);

    private JsonObject Running(IEnumerable<string> more)
    {
        var metrics = HasMetricsPort();
        List<string> arguments =
        [
            "--directory", Names.RuntimeDirectory,
            "--journal", $"{Names.JournalDirectory}/journal",
            "--database", $"{around.Namespace}/{intent.Database}",
            "--pod", "$(POD_NAME)",
            "--operator", settings.Operator.GetLeftPart(UriPartial.Authority),
            "--operator-ca", $"{Names.IdentityDirectory}/{Names.AuthoritiesFile}",
            "--token", $"{Names.IdentityDirectory}/token",
            "--grace", Grace().ToString(CultureInfo.InvariantCulture),
            .. metrics ? ["--http", $"*:{settings.MetricsPort.ToString(CultureInfo.InvariantCulture)}"] : (string[])[],
            .. more,
        ];
        var container = Container(
            Names.Sidecar,
            arguments,
            [PodVolumes.Mount(Names.JournalVolume, Names.JournalDirectory)]);
        container["env"] = new JsonArray(new JsonObject
        {
            ["name"] = "POD_NAME",
            ["valueFrom"] = new JsonObject { ["fieldRef"] = new JsonObject { ["fieldPath"] = "metadata.name" } },
        });
        if (metrics)
        {
            container["ports"] = new JsonArray(new JsonObject
            {
                ["name"] = Names.MetricsPort,
                ["containerPort"] = settings.MetricsPort,
                ["protocol"] = "TCP",
            });
        }
        return container;
    }

    /// <summary>Seconds for handing over what is unsaved: the pod's time to end, less a sixth in which the sidecar itself ends.</summary>
    private long Grace()
    {
        const long Usual = 30, Longest = 3600;
        var seconds = Json.Spec(pod)["terminationGracePeriodSeconds"]?.GetValue<long>() ?? Usual;
        return Math.Clamp(seconds - Math.Max(2, seconds / 6), 0, Longest);
    }

    private JsonObject Container(string name, IEnumerable<string> arguments, IEnumerable<JsonObject> mounts)
    {
        var container = new JsonObject
        {
            ["name"] = name,
            ["image"] = settings.Image,
            ["command"] = new JsonArray(Names.Program),
            ["args"] = new JsonArray([.. arguments.Select(argument => (JsonNode)argument)]),
            ["resources"] = SidecarResources.For(pod, settings.Resources),
            ["securityContext"] = Restricted(),
            ["terminationMessagePolicy"] = "FallbackToLogsOnError",
            ["volumeMounts"] = new JsonArray(
            [
                PodVolumes.Mount(Names.RuntimeVolume, Names.RuntimeDirectory),
                PodVolumes.Mount(Names.IdentityVolume, Names.IdentityDirectory, readOnly: true),
                .. mounts,
            ]),
        };
        if (settings.PullPolicy is { } policy)
        {
            container["imagePullPolicy"] = policy;
        }
        return container;
    }

    /// <summary>What PodSecurity "restricted" asks for, whatever the pod says.</summary>
    private JsonObject Restricted()
    {
        var context = new JsonObject
        {
            ["allowPrivilegeEscalation"] = false,
            ["capabilities"] = new JsonObject { ["drop"] = new JsonArray("ALL") },
            ["privileged"] = false,
            ["readOnlyRootFilesystem"] = true,
            ["runAsNonRoot"] = true,
            ["seccompProfile"] = new JsonObject { ["type"] = "RuntimeDefault" },
        };
        // The image's user is not root, and the pod's own, if it names one, serves as well: the app reaches page and socket
        // whoever it runs as. Only a pod that says root must be contradicted. To name a user where none is needed would be
        // refused where users come from a range of the namespace's.
        if (Json.Spec(pod)["securityContext"]?["runAsUser"]?.GetValue<long>() == 0)
        {
            context["runAsUser"] = 65532;
        }
        return context;
    }

    /// <summary>The app's own port comes first; on the node's network every pod would want the same one.</summary>
    private bool HasMetricsPort() =>
        settings.MetricsPort != 0
        && !(Json.Spec(pod)["hostNetwork"]?.GetValue<bool>() ?? false)
        && !Json.List(pod, "containers").Concat(Json.List(pod, "initContainers")).SelectMany(c => Json.Items(c, "ports"))
            .Any(port => port["containerPort"]?.GetValue<int>() == settings.MetricsPort);
}
