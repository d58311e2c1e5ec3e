using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Kubernetes.Tests.Watching;

/// <summary>Watching as a real API server has it.</summary>
public class RealWatchTests(ApiServer server)
{
    private static readonly ResourceKind s_configMaps = new("", "v1", "configmaps");
    private static readonly ResourceKind s_widgets = new("watching.example.org", "v1", "widgets");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static WatchTarget Ours(string ns) => new(s_configMaps, ns) { LabelSelector = "ours=yes" };

    [Fact]
    public async Task What_is_added_changed_and_deleted_is_told_in_order_and_nothing_else()
    {
        var ns = await server.NamespaceAsync("watch");
        foreach (var name in new[] { "a", "b", "c" })
        {
            await Create(server, ns, name, "1");
        }
        await Create(server, ns, "other", "1", ours: false);
        await using var watched = new Recorded(ApiTransport.Of(server.Client), Ours(ns));
        // Three objects in pages of two.
        await watched.Expect("+a:1 +b:1 +c:1 =3");
        await watched.Until(() => watched.Health.State == WatchState.Watching);
        await Create(server, ns, "d", "1");
        await Change(server, ns, "a", "2");
        await Change(server, ns, "other", "2");
        await server.Client.DeleteNamespacedConfigMapAsync("b", ns, cancellationToken: Cancellation);
        await watched.Expect("+a:1 +b:1 +c:1 =3 +d:1 a:1>2 -b");
        Assert.True(watched.Health.IsFresh);
        Assert.Empty(watched.Ends);
    }

    [Fact]
    public async Task An_object_that_no_longer_matches_the_selector_is_gone()
    {
        var ns = await server.NamespaceAsync("watch");
        await Create(server, ns, "a", "1");
        await using var watched = new Recorded(ApiTransport.Of(server.Client), Ours(ns));
        await watched.Expect("+a:1 =1");
        await server.Client.PatchNamespacedConfigMapAsync(
            new V1Patch("""{"metadata":{"labels":{"ours":"no"}}}""", V1Patch.PatchType.MergePatch), "a", ns, cancellationToken: Cancellation);
        await watched.Expect("+a:1 =1 -a");
    }

    [Fact]
    public async Task Who_may_not_watch_is_told_what_to_grant_and_goes_on_once_it_is_granted()
    {
        var ns = await server.NamespaceAsync("watch");
        await Create(server, ns, "a", "1");
        using var client = new k8s.Kubernetes(server.ClientConfiguration());
        client.HttpClient.DefaultRequestHeaders.Add("Impersonate-User", $"watcher-{ns}");
        await using var watched = new Recorded(ApiTransport.Of(client), Ours(ns));
        await watched.Until(() => watched.Ends.Contains(EndReason.Forbidden));
        await watched.Until(() => watched.Health.State == WatchState.Retrying);
        Assert.Contains($"give its service account a Role with list and watch on configmaps in namespace {ns}", watched.Health.Problem);
        Assert.Contains($"User \"watcher-{ns}\" cannot list resource \"configmaps\"", watched.Health.Problem);
        Assert.False(watched.Health.IsFresh);
        await server.Client.CreateNamespacedRoleAsync(
            new V1Role
            {
                Metadata = new V1ObjectMeta { Name = "watcher" },
                Rules = [new V1PolicyRule { ApiGroups = [""], Resources = ["configmaps"], Verbs = ["list", "watch"] }],
            }, ns, cancellationToken: Cancellation);
        await server.Client.CreateNamespacedRoleBindingAsync(
            new V1RoleBinding
            {
                Metadata = new V1ObjectMeta { Name = "watcher" },
                RoleRef = new V1RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = "Role", Name = "watcher" },
                Subjects = [new Rbacv1Subject { ApiGroup = "rbac.authorization.k8s.io", Kind = "User", Name = $"watcher-{ns}" }],
            }, ns, cancellationToken: Cancellation);
        await watched.Expect("+a:1 =1");
        await watched.Until(() => watched.Health.IsFresh && watched.Health.Problem.Length == 0);
    }

    [Fact]
    public async Task A_custom_resource_is_watched_as_soon_as_its_kind_is_installed_and_forgotten_with_it()
    {
        var ns = await server.NamespaceAsync("watch");
        await using var watched = new Recorded(ApiTransport.Of(server.Client), new WatchTarget(s_widgets, ns));
        await watched.Until(() => watched.Health.State == WatchState.NotInstalled);
        Assert.True(watched.Health.IsFresh);
        Assert.Equal("=0", watched.Told);
        await server.Client.CreateCustomResourceDefinitionAsync(WidgetKind(), cancellationToken: Cancellation);
        await watched.Expect("=0 =0");
        await server.Client.CreateNamespacedCustomObjectAsync(
            new Dictionary<string, object>
            {
                ["apiVersion"] = "watching.example.org/v1",
                ["kind"] = "Widget",
                ["metadata"] = new Dictionary<string, object> { ["name"] = "one" },
                ["data"] = new Dictionary<string, object> { ["value"] = "7" },
            }, "watching.example.org", "v1", ns, "widgets", cancellationToken: Cancellation);
        await watched.Expect("=0 =0 +one:7");
        await server.Client.DeleteCustomResourceDefinitionAsync("widgets.watching.example.org", cancellationToken: Cancellation);
        await watched.Until(() => watched.Told.StartsWith("=0 =0 +one:7 -one", StringComparison.Ordinal), () => watched.Told);
    }

    [Fact]
    public async Task A_server_that_was_away_and_a_history_that_was_compacted_lose_nothing()
    {
        await using var own = new ApiServer();
        await own.InitializeAsync();
        var ns = await own.NamespaceAsync("watch");
        await Create(own, ns, "a", "1");
        await Create(own, ns, "b", "1");
        using var gate = new Gate();
        using var client = new k8s.Kubernetes(own.ClientConfiguration(), gate);
        await using var watched = new Recorded(ApiTransport.Of(client), Ours(ns), serverTimeout: TimeSpan.FromSeconds(1));
        await watched.Expect("+a:1 +b:1 =2");
        await watched.Until(() => watched.Health.State == WatchState.Watching);

        // The watch ends when its time is over, and its successor does not get through.
        gate.Closed = true;
        await watched.Until(() => watched.Ends.Contains(EndReason.Unreachable));
        await own.Client.DeleteNamespacedConfigMapAsync("a", ns, cancellationToken: Cancellation);
        await Change(own, ns, "b", "2");
        await Create(own, ns, "c", "1");
        await Compact(own.Etcd);
        // A server that starts anew has no memory of its own of what etcd has forgotten.
        await own.StopAsync();
        gate.Closed = false;
        await watched.Until(() => watched.Health.Problem.Contains("refused", StringComparison.OrdinalIgnoreCase));
        Assert.Equal("+a:1 +b:1 =2", watched.Told);
        Assert.True(watched.Health.IsTurning);
        await own.StartAsync();

        await watched.Expect("+a:1 +b:1 =2 -a b:1>2 +c:1 =2");
        Assert.Contains(EndReason.Gone, watched.Ends);
        await watched.Until(() => watched.Health.State == WatchState.Watching);
        await Change(own, ns, "c", "2");
        await watched.Expect("+a:1 +b:1 =2 -a b:1>2 +c:1 =2 c:1>2");
    }

    private static Task<V1ConfigMap> Create(ApiServer server, string ns, string name, string value, bool ours = true) =>
        server.Client.CreateNamespacedConfigMapAsync(
            new V1ConfigMap
            {
                Metadata = new V1ObjectMeta { Name = name, Labels = new Dictionary<string, string> { ["ours"] = ours ? "yes" : "no" } },
                Data = new Dictionary<string, string> { ["value"] = value },
            }, ns, cancellationToken: Cancellation);

    private static Task<V1ConfigMap> Change(ApiServer server, string ns, string name, string value) =>
        server.Client.PatchNamespacedConfigMapAsync(
            new V1Patch($$"""{"data":{"value":"{{value}}"} }""", V1Patch.PatchType.MergePatch), name, ns, cancellationToken: Cancellation);

    /// <summary>Forgets everything but the newest state, as etcd is told to every five minutes.</summary>
    private static async Task Compact(Uri etcd)
    {
        using var http = new HttpClient { BaseAddress = etcd };
        var key = Convert.ToBase64String(Encoding.ASCII.GetBytes("/"));
        using var range = await http.PostAsJsonAsync("v3/kv/range", new { key }, Cancellation);
        var revision = (string?)JsonNode.Parse(await range.Content.ReadAsStringAsync(Cancellation))?["header"]?["revision"];
        using var compacted = await http.PostAsJsonAsync("v3/kv/compaction", new { revision, physical = true }, Cancellation);
        compacted.EnsureSuccessStatusCode();
    }

    private static V1CustomResourceDefinition WidgetKind() => new()
    {
        Metadata = new V1ObjectMeta { Name = "widgets.watching.example.org" },
        Spec = new V1CustomResourceDefinitionSpec
        {
            Group = "watching.example.org",
            Scope = "Namespaced",
            Names = new V1CustomResourceDefinitionNames { Plural = "widgets", Singular = "widget", Kind = "Widget" },
            Versions =
            [
                new V1CustomResourceDefinitionVersion
                {
                    Name = "v1",
                    Served = true,
                    Storage = true,
                    Schema = new V1CustomResourceValidation
                    {
                        OpenAPIV3Schema = new V1JSONSchemaProps { Type = "object", XKubernetesPreserveUnknownFields = true },
                    },
                },
            ],
        },
    };

    /// <summary>A network that can be closed.</summary>
    private sealed class Gate : DelegatingHandler
    {
        public volatile bool Closed;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Closed ? throw new HttpRequestException("closed by the test") : base.SendAsync(request, cancellationToken);
    }
}
