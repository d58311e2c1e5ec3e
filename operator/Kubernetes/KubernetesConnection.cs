using k8s;
using k8s.Exceptions;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>
/// The ways to the API server. Watches and single calls have connections of their own: a list that fills one does not
/// hold up a decision on the other.
/// </summary>
public sealed class KubernetesConnection : IDisposable
{
    private readonly k8s.Kubernetes _forWatches;
    private readonly k8s.Kubernetes _forCalls;

    private KubernetesConnection(Func<KubernetesClientConfiguration> configuration)
    {
        var watches = configuration();
        watches.FirstMessageHandlerSetup = ApiTransport.Harden;
        _forWatches = new k8s.Kubernetes(watches);
        var calls = configuration();
        calls.FirstMessageHandlerSetup = HardenMore;
        _forCalls = new k8s.Kubernetes(calls);
        Watches = ApiTransport.Of(_forWatches);
        Calls = ApiCalls.Of(_forCalls);
    }

    public ApiTransport Watches { get; }

    public ApiCalls Calls { get; }

    /// <summary>Of the pod this runs in, or of the file that KUBECONFIG names.</summary>
    /// <exception cref="ConfigException">There is neither.</exception>
    public static KubernetesConnection Open(Func<string, string?> environment)
    {
        if (environment("KUBECONFIG") is { Length: > 0 } file)
        {
            return Open(file);
        }
        return KubernetesClientConfiguration.IsInCluster()
            ? new KubernetesConnection(KubernetesClientConfiguration.InClusterConfig)
            : throw new ConfigException("this is no pod of a cluster, and KUBECONFIG is not set; set it to a kubeconfig file");
    }

    /// <param name="kubeconfig">Path of a kubeconfig file.</param>
    /// <exception cref="ConfigException">It cannot be used.</exception>
    public static KubernetesConnection Open(string kubeconfig)
    {
        try
        {
            return new KubernetesConnection(() => KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
        }
        catch (Exception wrong) when (wrong is KubeConfigException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{kubeconfig}: cannot be used ({wrong.Message}); set KUBECONFIG to a kubeconfig file", wrong);
        }
    }

    public void Dispose()
    {
        _forCalls.Dispose();
        _forWatches.Dispose();
    }

    /// <summary>A dead connection is found within the deadline of two calls, not of many.</summary>
    private static void HardenMore(HttpMessageHandler handler)
    {
        ApiTransport.Harden(handler);
        var sockets = (SocketsHttpHandler)handler;
        sockets.ConnectTimeout = TimeSpan.FromSeconds(2);
        sockets.KeepAlivePingDelay = TimeSpan.FromSeconds(2);
        sockets.KeepAlivePingTimeout = TimeSpan.FromSeconds(2);
    }
}
