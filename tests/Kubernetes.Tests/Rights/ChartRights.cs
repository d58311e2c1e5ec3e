using k8s;
using k8s.Models;
using SessionOperator.Kubernetes.Tests.Servers;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Kubernetes.Tests.Rights;

/// <summary>The rights on file, which the chart's own tests compare with what it renders (charts/session-operator/tests/rbac.yaml).</summary>
internal static class ChartRights
{
    public const string Namespace = "session-operator";
    private const string Account = "operator";

    /// <summary>"group resource verb" of all that is granted by the defaults.</summary>
    public static IEnumerable<string> Granted => Roles().SelectMany(role => role.Rules).SelectMany(rule =>
        from g in rule.ApiGroups from resource in rule.Resources from verb in rule.Verbs select $"{g} {resource} {verb}").Distinct();

    /// <summary>Makes the operator's namespace and an account that may do that and nothing else; its token.</summary>
    public static async Task<string> GrantAsync(ApiServer server)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var client = server.Client;
        await client.CreateNamespaceAsync(new V1Namespace { Metadata = new V1ObjectMeta { Name = Namespace } }, cancellationToken: cancellation);
        await client.CoreV1.CreateNamespacedServiceAccountAsync(
            new V1ServiceAccount { Metadata = new V1ObjectMeta { Name = Account } }, Namespace, cancellationToken: cancellation);
        var subjects = new List<Rbacv1Subject> { new() { Kind = "ServiceAccount", Name = Account, NamespaceProperty = Namespace } };
        var number = 0;
        foreach (var (kind, space, rules) in Roles())
        {
            var metadata = new V1ObjectMeta { Name = $"chart-{number++}", NamespaceProperty = space.Length > 0 ? space : null };
            var reference = new V1RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = kind, Name = metadata.Name };
            if (kind == "ClusterRole")
            {
                await client.CreateClusterRoleAsync(new V1ClusterRole { Metadata = metadata, Rules = rules }, cancellationToken: cancellation);
                await client.CreateClusterRoleBindingAsync(
                    new V1ClusterRoleBinding { Metadata = metadata, RoleRef = reference, Subjects = subjects }, cancellationToken: cancellation);
            }
            else
            {
                await client.CreateNamespacedRoleAsync(new V1Role { Metadata = metadata, Rules = rules }, space, cancellationToken: cancellation);
                await client.CreateNamespacedRoleBindingAsync(
                    new V1RoleBinding { Metadata = metadata, RoleRef = reference, Subjects = subjects }, space, cancellationToken: cancellation);
            }
        }
        var token = await client.CoreV1.CreateNamespacedServiceAccountTokenAsync(
            new Authenticationv1TokenRequest { Spec = new V1TokenRequestSpec { Audiences = [], ExpirationSeconds = 3600 } },
            Account, Namespace, cancellationToken: cancellation);
        return token.Status.Token;
    }

    private static IEnumerable<(string Kind, string Space, List<V1PolicyRule> Rules)> Roles()
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(File.ReadAllText(Path.Combine(Root(), "charts/session-operator/tests/rbac.yaml"))));
        foreach (var role in (YamlSequenceNode)yaml.Documents[0].RootNode["default"])
        {
            yield return (role["kind"].ToString(), role["namespace"].ToString(), [.. ((YamlSequenceNode)role["rules"]).Select(rule => new V1PolicyRule
            {
                ApiGroups = Words(rule, "apiGroups"),
                Resources = Words(rule, "resources"),
                Verbs = Words(rule, "verbs"),
                ResourceNames = Words(rule, "resourceNames"),
            })]);
        }
    }

    private static List<string>? Words(YamlNode rule, string field) =>
        ((YamlMappingNode)rule).Children.TryGetValue(field, out var words) ? [.. ((YamlSequenceNode)words).Select(word => word.ToString())] : null;

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "SessionOperator.sln")))
        {
            folder = folder.Parent!;
        }
        return folder.FullName;
    }
}
