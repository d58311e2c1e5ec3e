using System.Net;
using k8s;
using k8s.Autorest;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Replicas;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Kubernetes.Tests.Injection;

/// <summary>Pods that a real API server creates through the webhook.</summary>
public class WebhookTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_annotated_pod_comes_out_injected_and_valid()
    {
        var ns = await server.NamespaceAsync("inject");
        await using var host = await WebhookHost.StartAsync(server, ns);
        var pod = await Injected(ns, Pod("web"));
        Assert.Equal(["web", Names.Sidecar], pod.Spec.Containers.Select(c => c.Name));
        Assert.Equal([Names.Installer], pod.Spec.InitContainers.Select(c => c.Name));
        Assert.Equal(Names.AdapterDirectory, pod.Spec.Containers[0].Env.Single(e => e.Name == "PYTHONPATH").Value);
        Assert.Equal($"{ns}/orders-db", pod.Metadata.Annotations["sessionoperator.dev/injected"]);
        var sources = pod.Spec.Volumes.Single(v => v.Name == Names.IdentityVolume).Projected.Sources;
        Assert.Equal(("session-operator", 3600), (sources[0].ServiceAccountToken.Audience, sources[0].ServiceAccountToken.ExpirationSeconds));
        Assert.Equal("metadata.annotations['sessionoperator.dev/ca']", sources[1].DownwardAPI.Items[0].FieldRef.FieldPath);
        Assert.Empty(host.Refusals);
    }

    [Fact]
    public async Task A_pod_without_the_annotation_stays_as_it_is()
    {
        var ns = await server.NamespaceAsync("inject");
        await using var host = await WebhookHost.StartAsync(server, ns);
        await Injected(ns, Pod("canary"));
        var pod = Pod("web");
        pod.Metadata.Annotations = null;
        var created = await server.Client.CreateNamespacedPodAsync(pod, ns, cancellationToken: Cancellation);
        Assert.Equal("web", created.Spec.Containers.Single().Name);
        Assert.Null(created.Spec.InitContainers);
        Assert.Null(created.Metadata.Labels);
    }

    [Fact]
    public async Task A_database_that_no_watch_has_brought_yet_is_asked_for()
    {
        var ns = await server.NamespaceAsync("inject");
        await using var host = await WebhookHost.StartAsync(server, ns);
        await Injected(ns, Pod("canary"));
        await Databases.Create(server, ns, new { }, "just-made");
        var pod = await server.Client.CreateNamespacedPodAsync(Pod("web", "just-made"), ns, cancellationToken: Cancellation);
        Assert.Equal(["web", Names.Sidecar], pod.Spec.Containers.Select(c => c.Name));
        Assert.Empty(host.Refusals);
    }

    [Fact]
    public async Task What_cannot_be_injected_is_created_with_a_warning()
    {
        var ns = await server.NamespaceAsync("inject");
        await using var host = await WebhookHost.StartAsync(server, ns);
        await Injected(ns, Pod("canary"));
        await Databases.Create(server, ns, new { });
        var pod = Pod("web", "order-db");
        using var answer = await server.Client.CoreV1.CreateNamespacedPodWithHttpMessagesAsync(pod, ns, cancellationToken: Cancellation);
        Assert.Single(answer.Body.Spec.Containers);
        Assert.Contains("do you mean orders-db?", answer.Response.Headers.GetValues("Warning").Single(), StringComparison.Ordinal);
        Assert.Equal(SkipReason.UnknownDatabase, host.Refusals.Single().Verdict.Skipped);
        // Asked what would happen, it does nothing.
        await server.Client.CreateNamespacedPodAsync(Pod("other", "order-db"), ns, dryRun: "All", cancellationToken: Cancellation);
        Assert.Single(host.Refusals);
    }

    [Fact]
    public async Task A_webhook_that_is_down_or_broken_keeps_no_pod_from_starting()
    {
        var ns = await server.NamespaceAsync("inject");
        await using (var broken = await WebhookHost.StartAsync(server, ns, _ => throw new InvalidDataException("a defect")))
        {
            using var answer = await Until(
                () => server.Client.CoreV1.CreateNamespacedPodWithHttpMessagesAsync(Pod($"broken-{Guid.NewGuid():n}"), ns, cancellationToken: Cancellation),
                a => a.Response.Headers.TryGetValues("Warning", out var warnings) && warnings.Single().Contains("allowed as it is", StringComparison.Ordinal));
            Assert.Single(answer.Body.Spec.Containers);
            await broken.StopAsync();
            var created = await server.Client.CreateNamespacedPodAsync(Pod("down"), ns, cancellationToken: Cancellation);
            Assert.Equal(["web"], created.Spec.Containers.Select(c => c.Name));
        }
    }

    [Fact]
    public async Task Every_shape_on_file_is_accepted_by_the_server()
    {
        var ns = await server.NamespaceAsync("inject");
        await using var host = await WebhookHost.StartAsync(server, ns);
        await Injected(ns, Pod("canary"));
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Golden"), "*.pod.json"))
        {
            var pod = KubernetesJson.Deserialize<V1Pod>(await File.ReadAllTextAsync(file, Cancellation));
            if (pod.Spec.RestartPolicy != "Always" || pod.Metadata.Annotations is null)
            {
                continue;
            }
            var created = await server.Client.CreateNamespacedPodAsync(pod, ns, cancellationToken: Cancellation);
            Assert.Contains(created.Spec.Containers, c => c.Name == Names.Sidecar);
        }
    }

    /// <summary>A new webhook reaches the server's cache a moment after it was made.</summary>
    private async Task<V1Pod> Injected(string ns, V1Pod pod)
    {
        var name = pod.Metadata.Name;
        return await Until(
            () =>
            {
                pod.Metadata.Name = $"{name}-{Guid.NewGuid():n}";
                return server.Client.CreateNamespacedPodAsync(pod, ns, cancellationToken: Cancellation);
            },
            created => created.Spec.Containers.Count > 1);
    }

    private static async Task<T> Until<T>(Func<Task<T>> act, Func<T, bool> good)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            var result = await act();
            if (good(result))
            {
                return result;
            }
            await Task.Delay(50, deadline.Token);
        }
    }

    private static V1Pod Pod(string name, string database = "orders-db") => new()
    {
        Metadata = new V1ObjectMeta { Name = name, Annotations = new Dictionary<string, string> { ["sessionoperator.dev/database"] = database } },
        Spec = new V1PodSpec { ServiceAccountName = "default", Containers = [new V1Container { Name = "web", Image = "shop:1" }] },
    };
}
