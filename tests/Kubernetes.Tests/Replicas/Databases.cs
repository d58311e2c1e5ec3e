using SessionOperator.Kubernetes.Tests.Servers;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Kubernetes.Tests.Replicas;

/// <summary>SessionDatabases, called orders-db unless a test needs more than one.</summary>
internal static class Databases
{
    public static Task<SessionDatabase> Create(ApiServer server, string space, object spec, string name = "orders-db") => server.Calls.PostAsync<SessionDatabase>(
        ResourceKind.SessionDatabases.Path(space),
        new { apiVersion = SessionDatabase.ApiVersion, kind = SessionDatabase.Kind, metadata = new { name }, spec },
        TestContext.Current.CancellationToken);

    public static Task<SessionDatabase> Read(ApiServer server, string space, string name = "orders-db") =>
        server.Calls.GetAsync<SessionDatabase>(PathOf(space, name), TestContext.Current.CancellationToken);

    public static string PathOf(string space, string name = "orders-db") => $"{ResourceKind.SessionDatabases.Path(space)}/{name}";
}
