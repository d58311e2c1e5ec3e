using System.Text.Json;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Tests.Injection;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Operator.Tests.Workloads;

public class RemarksTests
{
    [Theory]
    [InlineData("""{"sessionoperator.dev/databse": "orders-db"}""", "UnknownAnnotation", "do you mean sessionoperator.dev/database?")]
    [InlineData("""{"session-operator.dev/database": "orders-db"}""", "UnknownAnnotation", "do you mean sessionoperator.dev/database?")]
    [InlineData("""{"sessionoperator.io/databse": "orders-db"}""", "UnknownAnnotation", "do you mean sessionoperator.dev/database?")]
    [InlineData("""{"sessionoperator.dev/colour": "blue"}""", "UnknownAnnotation", "sessionoperator.dev/fail-fast")]
    [InlineData("""{"sessionoperator.dev/database": "order-db"}""", "UnknownDatabase", "do you mean orders-db?")]
    [InlineData("""{"sessionoperator.dev/database": "billing/orders-db"}""", "DatabaseInOtherNamespace", "make a SessionDatabase in shop")]
    [InlineData("""{"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/inject": "false"}""", "ContradictoryAnnotations", "remove one of them")]
    [InlineData("""{"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/inject": "no"}""", "MalformedAnnotation", "write \"false\"")]
    [InlineData("""{"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/fail-fast": "yes"}""", "MalformedAnnotation", "write \"true\"")]
    public void What_does_nothing_is_told_with_what_to_write_instead(string annotations, string reason, string says)
    {
        foreach (var workload in new[] { Read(annotations, "{}"), Read("{}", annotations) })
        {
            var remark = Assert.Single(Remarks.On(workload, Make.Around(), Make.Settings));
            Assert.Equal(reason, remark.Reason);
            Assert.Contains(says, remark.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"team": "shop", "example.com/database": "orders-db", "sessions.example.com/database": "x"}""")]
    [InlineData("""{"sessionoperator.dev/database": "orders-db", "sessionoperator.dev/containers": "web", "sessionoperator.dev/pythonpath": "/srv", "sessionoperator.dev/fail-fast": "true"}""")]
    [InlineData("""{"sessionoperator.dev/inject": "false"}""")]
    public void Of_what_is_right_nothing_is_said(string annotations) =>
        Assert.Empty(Remarks.On(Read(annotations, "{}"), Make.Around(), Make.Settings));

    [Fact]
    public void Our_own_Deployment_has_annotations_of_its_own() =>
        Assert.Empty(Remarks.On(Read("{}", """{"sessionoperator.dev/config": "1a2b"}""", "session-operator"), Make.Around(ns: "session-operator"), Make.Settings));

    internal static Workload Read(string annotations, string template, string ns = "shop")
    {
        using var json = JsonDocument.Parse($$"""
            {"metadata": {"name": "web", "namespace": "{{ns}}", "uid": "u", "resourceVersion": "7", "annotations": {{annotations}} },
             "spec": {"template": {"metadata": {"annotations": {{template}} } } } }
            """);
        return Workload.Read(WorkloadKind.All[0], json.RootElement, ObjectMeta.Read(json.RootElement)!);
    }
}
