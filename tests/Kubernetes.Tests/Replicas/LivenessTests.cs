using System.Net;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>What the kubelet is told of a watch that has stopped moving.</summary>
public class LivenessTests(ApiServer server)
{
    [Fact]
    public async Task Liveness_fails_while_a_watch_stands_still_beyond_its_deadline()
    {
        var space = await server.NamespaceAsync("still");
        var released = new TaskCompletionSource();
        await using var proxy = await ApiProxy.StartAsync(server);
        proxy.Handle = async passing =>
        {
            if (passing.Path.Contains("/pods", StringComparison.Ordinal))
            {
                await released.Task;
            }
            await ApiProxy.Through(passing);
        };
        // A loop ends by itself all that it waits for, within the time it may stand still. To see one that does not, a page may take longer here.
        var watches = WatchTimings.Usual with
        {
            ServerTimeout = TimeSpan.FromSeconds(1),
            ReadDeadline = TimeSpan.FromSeconds(3),
            LongestRetryAfter = TimeSpan.FromSeconds(1),
            PageDeadline = TimeSpan.FromMinutes(10),
        };
        await using var replica = await Replica.Start(
            server, "operator-1", space, new KubernetesTimings(TimeSpan.FromSeconds(10)) { Watches = watches }, proxy);
        Assert.Equal((HttpStatusCode.OK, "alive"), await replica.Liveness());
        await Databases.Create(server, space, new { pods = new { selector = "app=orders-db", primarySelector = "role=primary" } });
        (HttpStatusCode Status, string Words) seen = default;
        await ApiServer.Until(async () => (seen = await replica.Liveness()).Status == HttpStatusCode.ServiceUnavailable, () => $"liveness fails; it says {seen}");
        Assert.Equal($"the watch of pods in {space} with app=orders-db does not move any more", seen.Words);
        released.SetResult();
        await ApiServer.Until(async () => (seen = await replica.Liveness()) == (HttpStatusCode.OK, "alive"), () => $"liveness passes again; it says {seen}");
    }
}
