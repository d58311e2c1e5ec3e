using System.Diagnostics;
using System.Globalization;
using k8s;
using k8s.Models;
using SessionOperator.Operator.Fleet;

namespace SessionOperator.Benchmarks;

/// <summary>A real kube-apiserver with the objects of the benchmark.</summary>
internal sealed class Cluster : IDisposable
{
    public const string Space = "bench";
    public const string DatabasePod = "orders-db-0";
    private readonly string _folder;
    private bool _stopped;

    private Cluster(string folder)
    {
        _folder = folder;
        Client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(KubeConfig));
    }

    public Kubernetes Client { get; }

    public string KubeConfig => Path.Combine(_folder, "kubeconfig");

    public static async Task<Cluster> StartAsync(string folder)
    {
        await RunAsync("scripts/kube/apiserver", "start", folder, "--owner", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var cluster = new Cluster(folder);
        await cluster.Client.CreateNamespaceAsync(new V1Namespace { Metadata = new V1ObjectMeta { Name = Space } });
        await cluster.CreateDatabasePodAsync();
        return cluster;
    }

    public void Dispose()
    {
        if (_stopped)
        {
            return;
        }
        _stopped = true;
        Client.Dispose();
        RunAsync("scripts/kube/apiserver", "stop", _folder).Wait();
    }

    /// <summary>Runs a program of the repository.</summary>
    public static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", "exec \"$@\" >&2 </dev/null", "bash", Path.Combine(Root(), program), .. arguments]))!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new IOException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
        }
    }

    /// <summary>The checkout this was built in.</summary>
    public static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SessionOperator.sln")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException("run the benchmark where it was built");
    }

    /// <summary>The database's only pod, on a node that nobody runs, and Ready.</summary>
    public async Task CreateDatabasePodAsync()
    {
        await Client.CoreV1.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = DatabasePod, Labels = new Dictionary<string, string> { ["app"] = "orders-db", ["role"] = "primary" } },
                Spec = new V1PodSpec
                {
                    NodeName = "node-1",
                    ServiceAccountName = "default",
                    AutomountServiceAccountToken = false,
                    Containers = [new V1Container { Name = "db", Image = "postgres" }],
                },
            },
            Space);
        await SetReadyAsync(true);
    }

    public Task SetReadyAsync(bool ready)
    {
        var (condition, container) = ready ? ("True", "true") : ("False", "false");
        return Client.CoreV1.PatchNamespacedPodStatusAsync(
            Merge($$$"""
                {"status": {"phase": "Running",
                 "conditions": [{"type": "Ready", "status": "{{{condition}}}", "lastTransitionTime": "{{{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ssZ}}}"}],
                 "containerStatuses": [{"name": "db", "image": "postgres", "imageID": "", "restartCount": 0, "ready": {{{container}}},
                  "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"} } }]} }
                """), DatabasePod, Space);
    }

    public Task SetRoleAsync(string? role)
    {
        var value = role is null ? "null" : $"\"{role}\"";
        return Client.CoreV1.PatchNamespacedPodAsync(Merge($$"""{"metadata": {"labels": {"role": {{value}} } } }"""), DatabasePod, Space);
    }

    /// <summary>A new pod in its place: of one and the same only the first time in minutes that it is not ready is taken at its word.</summary>
    public async Task ReplaceAsync()
    {
        await DeleteAsync(0);
        await CreateDatabasePodAsync();
    }

    public Task DeleteAsync(int graceSeconds) =>
        Client.CoreV1.DeleteNamespacedPodAsync(DatabasePod, Space, gracePeriodSeconds: graceSeconds);

    /// <summary>Pods of apps as objects, and the tokens that the kubelet would project into them.</summary>
    public async Task<IReadOnlyList<string>> TokensAsync(int count)
    {
        await Client.CoreV1.CreateNamespacedServiceAccountAsync(new V1ServiceAccount { Metadata = new V1ObjectMeta { Name = "web" } }, Space);
        var tokens = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var pod = await Client.CoreV1.CreateNamespacedPodAsync(
                new V1Pod
                {
                    Metadata = new V1ObjectMeta { Name = SimulatedSidecar.PodName(i) },
                    Spec = new V1PodSpec { ServiceAccountName = "web", AutomountServiceAccountToken = false, Containers = [new V1Container { Name = "app", Image = "app" }] },
                },
                Space);
            var request = new Authenticationv1TokenRequest
            {
                Spec = new V1TokenRequestSpec
                {
                    Audiences = [IdentityCheck.Audience],
                    ExpirationSeconds = 3600,
                    BoundObjectRef = new V1BoundObjectReference { ApiVersion = "v1", Kind = "Pod", Name = pod.Metadata.Name, Uid = pod.Metadata.Uid },
                },
            };
            tokens.Add((await Client.CoreV1.CreateNamespacedServiceAccountTokenAsync(request, "web", Space)).Status.Token);
        }
        return tokens;
    }

    private static V1Patch Merge(string json) => new(json, V1Patch.PatchType.StrategicMergePatch);
}
