using System.Collections.Immutable;
using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Operator.Tests.Workloads;

public class CarryingTests
{
    [Fact]
    public void An_annotation_is_carried_once_its_database_is_there()
    {
        var asked = Make(asked: [(Annotations.Database, "orders-db")]);
        Assert.Null(Carrying.Next(asked, "session-operator", _ => false));
        var next = Carrying.Next(asked, "session-operator", name => name == "orders-db");
        Assert.Equal("orders-db", Assert.Single(next!, pair => pair.Key == Annotations.Database).Value);
    }

    [Fact]
    public void What_is_there_already_is_not_carried_again()
    {
        var there = Make([(Annotations.Database, "orders-db")], [(Annotations.Database, "orders-db")], [Annotations.Database]);
        Assert.Null(Carrying.Next(there, "session-operator", _ => true));
        var changed = Make([(Annotations.Database, "other")], [(Annotations.Database, "orders-db")], [Annotations.Database]);
        Assert.Equal("other", Carrying.Next(changed, "session-operator", _ => true)![Annotations.Database]);
    }

    [Fact]
    public void A_database_that_was_deleted_restarts_nobody()
    {
        var there = Make([(Annotations.Database, "orders-db")], [(Annotations.Database, "orders-db")], [Annotations.Database]);
        Assert.Null(Carrying.Next(there, "session-operator", _ => false));
    }

    [Fact]
    public void What_was_carried_goes_with_the_annotation_and_what_people_wrote_stays()
    {
        var removed = Make([], [(Annotations.Database, "orders-db")], [Annotations.Database]);
        Assert.Empty(Carrying.Next(removed, "session-operator", _ => true)!);
        var theirs = Make([], [(Annotations.Database, "orders-db")], []);
        Assert.Null(Carrying.Next(theirs, "session-operator", _ => true));
    }

    [Fact]
    public void When_its_pods_were_healed_stays_until_nothing_of_ours_is_left()
    {
        (string, string)[] template = [(Annotations.Database, "orders-db"), (Annotations.HealedAt, "then")];
        Assert.Null(Carrying.Next(Make([(Annotations.Database, "orders-db")], template, [Annotations.Database, Annotations.HealedAt]), "session-operator", _ => true));
        // The template's own annotation, and a namespace's default.
        Assert.Null(Carrying.Next(Make([], template, [Annotations.HealedAt]), "session-operator", _ => true));
        Assert.Null(Carrying.Next(Make([], [template[1]], [Annotations.HealedAt]), "session-operator", _ => true));
        Assert.Empty(Carrying.Next(Make([], template, [Annotations.Database, Annotations.HealedAt]), "session-operator", _ => true)!);
    }

    [Theory]
    [InlineData("kube-system")]
    [InlineData("session-operator")]
    public void Nothing_is_carried_where_nothing_is_injected(string ns) =>
        Assert.Null(Carrying.Next(Make([(Annotations.Database, "orders-db")], ns: ns), "session-operator", _ => true));

    [Fact]
    public void Only_what_pods_are_to_have_is_carried()
    {
        var all = Make([(Annotations.Database, "orders-db"), (Annotations.Containers, "web"), (Annotations.PythonPath, "/srv"), (Annotations.Prefix + "databse", "x"), (Annotations.HealedAt, "now")]);
        Assert.Equal([Annotations.Containers, Annotations.Database, Annotations.PythonPath], Carrying.Next(all, "session-operator", _ => true)!.Keys);
    }

    [Fact]
    public void A_workload_is_read_with_what_we_applied_told_from_what_others_did()
    {
        using var json = JsonDocument.Parse("""
            {"metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7",
              "annotations": {"sessionoperator.dev/database": "orders-db", "team": "shop"},
              "managedFields": [
                {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:sessionoperator.dev/inject": {}}}}}}},
                {"manager": "session-operator", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, "f:sessionoperator.dev/database": {}}}}}}}]},
             "spec": {"template": {"metadata": {"annotations": {"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/inject": "true", "team": "shop"}}}}}
            """);
        var read = Workload.Read(WorkloadKind.All[0], json.RootElement, ObjectMeta.Read(json.RootElement)!);
        Assert.Equal("Deployment shop/web", read.Key);
        Assert.Equal("apis/apps/v1/namespaces/shop/deployments/web", read.Path);
        Assert.Equal([Annotations.Database], read.Asked.Keys);
        Assert.Equal([Annotations.Database, Annotations.Inject], read.Template.Keys);
        Assert.Equal([Annotations.Database], read.Carried);
    }

    private static Workload Make(
        (string Key, string Value)[] asked, (string Key, string Value)[]? template = null, string[]? carried = null, string ns = "shop") =>
        new(WorkloadKind.All[0], new ObjectMeta(ns, "web", "uid", "1"), Map(asked), Map(template ?? []), [.. carried ?? []]);

    private static ImmutableSortedDictionary<string, string> Map((string Key, string Value)[] pairs) =>
        pairs.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
}
