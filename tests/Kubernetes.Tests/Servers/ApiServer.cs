using System.Diagnostics;
using System.Globalization;
using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api.Schema;
using SessionOperator.Operator.Kubernetes;

[assembly: AssemblyFixture(typeof(ApiServer))]

namespace SessionOperator.Kubernetes.Tests.Servers;

/// <summary>
/// A real kube-apiserver with its etcd (scripts/kube/apiserver). One serves all tests, each of which makes a
/// namespace of its own; a test that stops the server makes a server of its own, too.
/// </summary>
public sealed class ApiServer : IAsyncLifetime
{
    private static readonly TimeSpan s_start = TimeSpan.FromMinutes(15);
    private static int s_namespaces;
    private readonly string _folder = Directory.CreateTempSubdirectory("session-operator-kube-").FullName;

    /// <summary>The administrator's client; it may do everything.</summary>
    public k8s.Kubernetes Client { get; private set; } = null!;

    /// <summary>The same rights, with the operator's own way to ask.</summary>
    public ApiCalls Calls => ApiCalls.Of(Client);

    /// <summary>Path of the administrator's kubeconfig.</summary>
    public string KubeConfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>etcd's address; its JSON gateway takes compactions.</summary>
    public Uri Etcd => new(File.ReadAllText(Path.Combine(_folder, "etcd")).Trim());

    /// <summary>Starts both servers and makes SessionDatabase known. On a machine without them they are built first, which takes minutes.</summary>
    public async ValueTask InitializeAsync()
    {
        await StartAsync();
        Client = new k8s.Kubernetes(ClientConfiguration());
        var definition = KubernetesYaml.Deserialize<V1CustomResourceDefinition>(CustomResourceDefinition.Yaml());
        await Client.CreateCustomResourceDefinitionAsync(definition);
        await Until(async () =>
        {
            var installed = await Client.ReadCustomResourceDefinitionAsync(definition.Metadata.Name);
            return installed.Status?.Conditions?.Any(condition => condition is { Type: "Established", Status: "True" }) == true;
        }, "SessionDatabase is established");
    }

    /// <summary>Waits for something to hold.</summary>
    public static Task Until(Func<Task<bool>> holds, string what, int seconds = 30) => Until(holds, () => what, seconds);

    /// <inheritdoc cref="Until(Func{Task{bool}}, string, int)"/>
    public static async Task Until(Func<Task<bool>> holds, Func<string> what, int seconds = 30)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(seconds), $"it never came true in {seconds} s: {what()}");
            await Task.Delay(20, CancellationToken.None);
        }
    }

    /// <summary>A configuration to change and make a client of.</summary>
    public KubernetesClientConfiguration ClientConfiguration() => KubernetesClientConfiguration.BuildConfigFromConfigFile(KubeConfig);

    /// <summary>Starts the API server after <see cref="StopAsync"/>; address and data are the same.</summary>
    public Task StartAsync() =>
        Run("start", _folder, "--owner", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    /// <summary>Ends the API server; etcd goes on. Only for tests that have a server of their own.</summary>
    public Task StopAsync() => Run("stop", _folder, "kube-apiserver");

    /// <summary>Makes a namespace that nobody else uses.</summary>
    public async Task<string> NamespaceAsync(string prefix = "test")
    {
        var name = $"{prefix}-{Interlocked.Increment(ref s_namespaces)}";
        await Client.CreateNamespaceAsync(
            new V1Namespace { Metadata = new V1ObjectMeta { Name = name } }, cancellationToken: TestContext.Current.CancellationToken);
        return name;
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        await Run("stop", _folder);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task Run(params string[] arguments)
    {
        var log = Path.Combine(arguments[1], "start-and-stop.log");
        var start = new ProcessStartInfo("/bin/bash", ["-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", log, Script(), .. arguments]);
        using var process = Process.Start(start) ?? throw new InvalidOperationException("bash was not started");
        using var patience = new CancellationTokenSource(s_start);
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == 0, $"scripts/kube/apiserver {string.Join(' ', arguments)}:\n{await File.ReadAllTextAsync(log, CancellationToken.None)}");
    }

    /// <summary>In the checkout that the tests were built in.</summary>
    private static string Script()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "scripts", "kube", "apiserver");
            if (File.Exists(script))
            {
                return script;
            }
        }
        throw new FileNotFoundException($"no folder above {AppContext.BaseDirectory} holds scripts/kube/apiserver; run the tests where they were built");
    }
}
