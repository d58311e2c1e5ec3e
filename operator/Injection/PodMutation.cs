using System.Text.Json;
using System.Text.Json.Nodes;
using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Injection;

/// <summary>Decides what becomes of a pod that is being created. Pure: the same pod and surroundings give the same patch.</summary>
public static class PodMutation
{
    /// <param name="pod">The pod as the API server sent it.</param>
    /// <param name="around">What is known besides.</param>
    /// <param name="settings">What is the same for all pods.</param>
    public static Verdict Decide(JsonObject pod, Surroundings around, InjectionSettings settings)
    {
        try
        {
            if (PodRules.IsInjected(pod))
            {
                return new Verdict(null, SkipReason.AlreadyInjected, "");
            }
            var intent = Intent.Of(pod, around, settings);
            PodRules.Check(pod, around, settings);
            var editor = new PodEditor(pod);
            Inject(editor, intent, around, settings);
            return new Verdict(editor.Patch, null, "");
        }
        catch (SkipException skip)
        {
            return new Verdict(null, skip.Reason, skip.Message);
        }
        catch (Exception broken) when (broken is InvalidOperationException or FormatException or JsonException or InvalidCastException or ArgumentException)
        {
            return new Verdict(null, SkipReason.Defect, $"the pod could not be read ({broken.GetType().Name}: {broken.Message}); it starts without the sidecar");
        }
    }

    private static void Inject(PodEditor editor, Intent intent, Surroundings around, InjectionSettings settings)
    {
        var pod = editor.Pod;
        var sidecar = new SidecarContainer(pod, intent, around, settings);
        foreach (var index in intent.Containers)
        {
            AppContainer.Edit(editor, index, intent.PythonPath, intent.FailFast);
        }
        if (around.NativeSidecars)
        {
            editor.Insert("/spec/initContainers", 0, sidecar.Native());
        }
        else
        {
            editor.Insert("/spec/initContainers", 0, sidecar.Installer());
            // Last, so that the app stays what `kubectl logs` and `kubectl exec` take when no container is named.
            editor.Insert("/spec/containers", null, sidecar.Plain());
        }
        foreach (var volume in PodVolumes.All())
        {
            editor.Insert("/spec/volumes", null, volume);
        }
        foreach (var secret in settings.PullSecrets.Except(Json.Names(pod, "imagePullSecrets")))
        {
            editor.Insert("/spec/imagePullSecrets", null, new JsonObject { ["name"] = secret });
        }
        editor.Set("/metadata/labels", Annotations.SidecarLabel, around.NativeSidecars ? "native" : "plain");
        editor.Set("/metadata/annotations", Annotations.Authorities, around.Authorities);
        editor.Set("/metadata/annotations", Annotations.Injected, $"{around.Namespace}/{intent.Database}");
    }
}
