using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Servers;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>A change of a real pod, seen by one replica only, reaches the sidecars of the other one.</summary>
public class PodToStreamTests(ApiServer server)
{
    private const string Pod = "orders-db-0";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("not ready", "is not ready")]
    [InlineData("terminating", "is terminating")]
    [InlineData("label lost", "is no longer labelled primary")]
    public async Task What_one_replica_sees_of_a_pod_the_sidecars_of_the_other_are_told(string change, string words)
    {
        var space = await server.NamespaceAsync("pod");
        await CreatePod(space);
        await Databases.Create(server, space, new { pods = new { selector = "app=orders-db", primarySelector = "role=primary" } });
        await using var blind = await ApiProxy.StartAsync(server);
        // No answer that makes sense: it has no pods to compare.
        blind.Handle = passing => passing.Path.Contains("/pods", StringComparison.Ordinal) ? Task.CompletedTask : ApiProxy.Through(passing);
        await using var left = await Replica.Start(server, "operator-1", space);
        await using var right = await Replica.Start(server, "operator-2", space, through: blind);
        await using var here = await Sidecar.Join(left.Grpc, $"{space}/orders-db", "web-1");
        await using var there = await Sidecar.Join(right.Grpc, $"{space}/orders-db", "web-2");
        await Told(here, there, Phase.Writable, async () =>
        {
            await here.Probe(Protocol.Fleet.Evidence.Types.Verdict.Writable);
            await there.Probe(Protocol.Fleet.Evidence.Types.Verdict.Writable);
        });
        await ApiServer.Until(
            async () => (await left.Get("/metrics")).Split('\n').Any(line => line.StartsWith("session_operator_watch", StringComparison.Ordinal) && line.Contains("\"pods", StringComparison.Ordinal)),
            "the left one watches the pods");
        await Change(space, change);
        await Told(here, there, Phase.Unwritable, () => Task.CompletedTask);
        Assert.All([here, there], sidecar => Assert.Equal((2UL, Mode.Cache), (sidecar.Newest!.Epoch, sidecar.Newest.Mode)));
        Assert.All([here, there], sidecar => Assert.Contains(words, sidecar.Newest!.Reason, StringComparison.Ordinal));
    }

    private static Task Told(Sidecar here, Sidecar there, Phase phase, Func<Task> also) => ApiServer.Until(
        async () =>
        {
            await also();
            return here.Newest?.Phase == phase && there.Newest?.Phase == phase;
        },
        () => $"both are told {phase}; newest were {here.Newest} and {there.Newest}");

    private async Task Change(string space, string change)
    {
        switch (change)
        {
            case "not ready":
                await SetReady(space, "False");
                break;
            case "terminating":
                await server.Client.DeleteNamespacedPodAsync(Pod, space, gracePeriodSeconds: 30, cancellationToken: Cancellation);
                break;
            default:
                await server.Client.PatchNamespacedPodAsync(
                    new V1Patch("""{"metadata":{"labels":{"role":null} } }""", V1Patch.PatchType.MergePatch), Pod, space, cancellationToken: Cancellation);
                break;
        }
    }

    private async Task CreatePod(string space)
    {
        await server.Client.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = Pod, Labels = new Dictionary<string, string> { ["app"] = "orders-db", ["role"] = "primary" } },
                Spec = new V1PodSpec { NodeName = "node-1", AutomountServiceAccountToken = false, ServiceAccountName = "default", Containers = [new V1Container { Name = "db", Image = "postgres" }] },
            }, space, cancellationToken: Cancellation);
        await SetReady(space, "True");
    }

    private Task<V1Pod> SetReady(string space, string ready) => server.Client.PatchNamespacedPodStatusAsync(
        new V1Patch($$"""{"status":{"conditions":[{"type":"Ready","status":"{{ready}}"}]} }""", V1Patch.PatchType.MergePatch), Pod, space, cancellationToken: Cancellation);
}
