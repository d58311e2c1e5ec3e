using System.Net;
using System.Text.Json.Nodes;

namespace SessionOperator.Operator.Injection;

/// <summary>Pods that an injection would break, or that cannot be injected.</summary>
internal static class PodRules
{
    /// <summary>The sidecar is there: from this webhook's first call for the pod, or because somebody copied an injected pod.</summary>
    public static bool IsInjected(JsonObject pod) =>
        Json.Names(pod, "containers").Concat(Json.Names(pod, "initContainers")).Contains(Names.Sidecar);

    /// <exception cref="SkipException">The pod stays as it is.</exception>
    public static void Check(JsonObject pod, Surroundings around, InjectionSettings settings)
    {
        var spec = Json.Spec(pod);
        if (Json.Annotation(pod, "kubernetes.io/config.mirror") is not null)
        {
            throw new SkipException(SkipReason.MirrorPod, "this is the image of a static pod on a node; run the app as a Deployment, StatefulSet or DaemonSet");
        }
        if (Json.Text(spec["os"], "name") == "windows" || Json.Text(spec["nodeSelector"], "kubernetes.io/os") == "windows")
        {
            throw new SkipException(SkipReason.Windows, "the sidecar runs on Linux only");
        }
        if (!around.NativeSidecars && Json.Text(spec, "restartPolicy") is "Never" or "OnFailure")
        {
            throw new SkipException(SkipReason.RunsToCompletion, "the pod is to end by itself, and before Kubernetes 1.29 a sidecar would keep it from ending");
        }
        if (string.IsNullOrEmpty(Json.Text(spec, "serviceAccountName")))
        {
            // The API server gives every pod one before it asks here. A token for a pod without one makes the pod invalid.
            throw new SkipException(SkipReason.NoServiceAccount, "the pod has no service account to prove who it is with; enable the admission plugin ServiceAccount, or write serviceAccountName");
        }
        CheckDns(spec, settings);
        CheckNames(pod);
    }

    private static void CheckDns(JsonObject spec, InjectionSettings settings)
    {
        var policy = Json.Text(spec, "dnsPolicy") ?? "ClusterFirst";
        var hostNetwork = spec["hostNetwork"]?.GetValue<bool>() ?? false;
        if (!IPAddress.TryParse(settings.Operator.Host, out _) && (policy == "Default" || (hostNetwork && policy == "ClusterFirst")))
        {
            throw new SkipException(
                SkipReason.NoClusterDns,
                $"the pod uses the node's DNS, which does not know {settings.Operator.Host}; write dnsPolicy: {(hostNetwork ? "ClusterFirstWithHostNet" : "ClusterFirst")}");
        }
    }

    private static void CheckNames(JsonObject pod)
    {
        if (Json.Names(pod, "initContainers").Concat(Json.Names(pod, "containers")).Contains(Names.Installer))
        {
            throw Taken("container", Names.Installer);
        }
        foreach (var volume in Json.Names(pod, "volumes"))
        {
            if (volume is Names.RuntimeVolume or Names.JournalVolume or Names.IdentityVolume)
            {
                throw Taken("volume", volume);
            }
        }
    }

    internal static SkipException Taken(string kind, string name) => new(
        SkipReason.NameTaken, $"the pod has a {kind} {name} of its own, where the injection's would be; give it another name");
}
