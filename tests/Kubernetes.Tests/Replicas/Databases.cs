using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>SessionDatabases called orders-db, one a namespace.</summary>
internal static class Databases
{
    public static Task<SessionDatabase> Create(ApiServer server, string space, object spec) => server.Calls.PostAsync<SessionDatabase>(
        $"apis/{SessionDatabase.ApiVersion}/namespaces/{space}/{SessionDatabase.Plural}",
        new { apiVersion = SessionDatabase.ApiVersion, kind = SessionDatabase.Kind, metadata = new { name = "orders-db" }, spec },
        TestContext.Current.CancellationToken);

    public static Task<SessionDatabase> Read(ApiServer server, string space) =>
        server.Calls.GetAsync<SessionDatabase>(PathOf(space), TestContext.Current.CancellationToken);

    public static string PathOf(string space) => $"apis/{SessionDatabase.ApiVersion}/namespaces/{space}/{SessionDatabase.Plural}/orders-db";
}
