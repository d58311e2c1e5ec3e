using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Kubernetes.Tests.Identity;

public class TokenReviewTests(ApiServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Task<IdentityVerdict> Review(string token) => new TokenReview(server.Calls).Review(token, Cancellation);

    [Fact]
    public async Task A_token_for_us_and_bound_to_a_pod_says_which_pod()
    {
        var space = await server.NamespaceAsync("identity");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        var verdict = await Review(await Pods.TokenAsync(server.Client, pod));
        Assert.Equal(new IdentityVerdict.Accepted(new PodIdentity(space, "web-1", pod.Metadata.Uid)), verdict);
    }

    [Fact]
    public async Task A_token_for_another_audience_is_rejected()
    {
        var space = await server.NamespaceAsync("identity");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        Assert.IsType<IdentityVerdict.Rejected>(await Review(await Pods.TokenAsync(server.Client, pod, "vault")));
        // Also the one that every pod has, for the API server itself.
        Assert.IsType<IdentityVerdict.Rejected>(await Review(await Pods.TokenAsync(server.Client, pod, null)));
    }

    [Fact]
    public async Task A_token_without_a_pod_and_one_whose_pod_is_gone_are_told_apart()
    {
        var space = await server.NamespaceAsync("identity");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        var unbound = Assert.IsType<IdentityVerdict.NoPod>(await Review(await Pods.TokenAsync(server.Client, pod, bound: false)));
        Assert.Equal($"system:serviceaccount:{space}:web", unbound.User);
        var token = await Pods.TokenAsync(server.Client, pod);
        await server.Client.DeleteNamespacedPodAsync("web-1", space, gracePeriodSeconds: 0, cancellationToken: Cancellation);
        // The API server believes what it has just answered for some seconds.
        var verdict = await Review(token);
        for (var tries = 0; verdict is IdentityVerdict.Accepted && tries < 60; tries++)
        {
            await Task.Delay(250, Cancellation);
            verdict = await Review(token);
        }
        Assert.IsType<IdentityVerdict.Rejected>(verdict);
    }

    [Fact]
    public async Task A_token_of_nobody_is_rejected()
    {
        var space = await server.NamespaceAsync("identity");
        var pod = await Pods.CreateAsync(server.Client, space, "web-1");
        var token = await Pods.TokenAsync(server.Client, pod);
        Assert.IsType<IdentityVerdict.Rejected>(await Review("garbage"));
        Assert.IsType<IdentityVerdict.Rejected>(await Review(token[..^8] + "AAAAAAAA"));
    }

    [Fact]
    public async Task An_API_server_that_is_away_says_nothing_about_a_token()
    {
        using var nobody = new k8s.Kubernetes(new KubernetesClientConfiguration { Host = "http://127.0.0.1:1" });
        Assert.IsType<IdentityVerdict.Unknown>(await new TokenReview(ApiCalls.Of(nobody)).Review("token", Cancellation));
    }
}

/// <summary>Pods as objects: nothing runs them here.</summary>
internal static class Pods
{
    public static async Task<V1Pod> CreateAsync(IKubernetes kubernetes, string space, string name)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var accounts = await kubernetes.CoreV1.ListNamespacedServiceAccountAsync(space, cancellationToken: cancellation);
        if (accounts.Items.All(account => account.Metadata.Name != "web"))
        {
            await kubernetes.CoreV1.CreateNamespacedServiceAccountAsync(
                new V1ServiceAccount { Metadata = new V1ObjectMeta { Name = "web" } }, space, cancellationToken: cancellation);
        }
        return await kubernetes.CoreV1.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = name },
                Spec = new V1PodSpec
                {
                    ServiceAccountName = "web",
                    AutomountServiceAccountToken = false,
                    Containers = [new V1Container { Name = "app", Image = "app" }],
                },
            },
            space, cancellationToken: cancellation);
    }

    /// <summary>What the kubelet would project into the pod.</summary>
    /// <param name="kubernetes">The administrator.</param>
    /// <param name="pod">Whose token.</param>
    /// <param name="audience">Null: the API server's own.</param>
    /// <param name="bound">Whether it ends with the pod.</param>
    public static async Task<string> TokenAsync(IKubernetes kubernetes, V1Pod pod, string? audience = IdentityCheck.Audience, bool bound = true)
    {
        var request = new Authenticationv1TokenRequest
        {
            Spec = new V1TokenRequestSpec
            {
                Audiences = audience is null ? [] : [audience],
                ExpirationSeconds = 3600,
                BoundObjectRef = !bound ? null : new V1BoundObjectReference
                {
                    ApiVersion = "v1",
                    Kind = "Pod",
                    Name = pod.Metadata.Name,
                    Uid = pod.Metadata.Uid,
                },
            },
        };
        var answer = await kubernetes.CoreV1.CreateNamespacedServiceAccountTokenAsync(
            request, "web", pod.Metadata.NamespaceProperty, cancellationToken: TestContext.Current.CancellationToken);
        return answer.Status.Token;
    }
}
