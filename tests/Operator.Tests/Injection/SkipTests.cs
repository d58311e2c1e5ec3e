using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Tests.Injection;

/// <summary>Pods that stay as they are, and what somebody is told about it.</summary>
public class SkipTests
{
    private const string Db = "\"sessionoperator.dev/database\": \"orders-db\"";

    [Theory]
    [InlineData(SkipReason.NotAsked, "{}", "{}")]
    [InlineData(SkipReason.NotAsked, "{}", """{"sessionoperator.dev/database": ""}""")]
    [InlineData(SkipReason.AlreadyInjected, """{"initContainers": [{"name": "session-operator"}]}""", "{" + Db + "}")]
    [InlineData(SkipReason.AlreadyInjected, """{"containers": [{"name": "web"}, {"name": "session-operator"}]}""", "{" + Db + "}")]
    public void Silence_where_nobody_has_to_do_anything(SkipReason reason, string spec, string annotations)
    {
        var verdict = PodMutation.Decide(Make.Pod(spec, annotations), Make.Around(), Make.Settings);
        Assert.Equal((reason, "", false), (verdict.Skipped, verdict.Message, verdict.IsRefusal));
        Assert.Null(verdict.Patch);
    }

    [Theory]
    [InlineData(SkipReason.UnknownDatabase, "there is no SessionDatabase order-db in namespace shop; do you mean orders-db?", "{}", """{"sessionoperator.dev/database": "order-db"}""")]
    [InlineData(SkipReason.UnknownDatabase, "there is: carts-db, orders-db", "{}", """{"sessionoperator.dev/database": "users"}""")]
    [InlineData(SkipReason.DatabaseInOtherNamespace, "make a SessionDatabase in shop", "{}", """{"sessionoperator.dev/database": "data/orders-db"}""")]
    [InlineData(SkipReason.MalformedAnnotation, "sessionoperator.dev/database is \"Orders DB\"; write the name", "{}", """{"sessionoperator.dev/database": "Orders DB"}""")]
    [InlineData(SkipReason.MalformedAnnotation, "sessionoperator.dev/inject is \"no\"; write \"false\"", "{}", "{" + Db + """, "sessionoperator.dev/inject": "no"}""")]
    [InlineData(SkipReason.MalformedAnnotation, "sessionoperator.dev/containers is empty", "{}", "{" + Db + """, "sessionoperator.dev/containers": " , "}""")]
    [InlineData(SkipReason.MalformedAnnotation, "sessionoperator.dev/fail-fast is \"1\"; write \"true\"", "{}", "{" + Db + """, "sessionoperator.dev/fail-fast": "1"}""")]
    [InlineData(SkipReason.ContradictoryAnnotations, "remove one of them", "{}", "{" + Db + """, "sessionoperator.dev/inject": "false"}""")]
    [InlineData(SkipReason.UnknownContainer, "names \"wbe\"; the pod has web", "{}", "{" + Db + """, "sessionoperator.dev/containers": "wbe"}""")]
    [InlineData(SkipReason.Windows, "Linux", """{"os": {"name": "windows"}}""", "{" + Db + "}")]
    [InlineData(SkipReason.Windows, "Linux", """{"nodeSelector": {"kubernetes.io/os": "windows"}}""", "{" + Db + "}")]
    [InlineData(SkipReason.MirrorPod, "static pod", "{}", "{" + Db + """, "kubernetes.io/config.mirror": "x"}""")]
    [InlineData(SkipReason.NoServiceAccount, "write serviceAccountName", """{"serviceAccountName": ""}""", "{" + Db + "}")]
    [InlineData(SkipReason.NoClusterDns, "write dnsPolicy: ClusterFirstWithHostNet", """{"hostNetwork": true}""", "{" + Db + "}")]
    [InlineData(SkipReason.NoClusterDns, "write dnsPolicy: ClusterFirst", """{"dnsPolicy": "Default"}""", "{" + Db + "}")]
    [InlineData(SkipReason.NameTaken, "volume session-operator-journal of its own", """{"volumes": [{"name": "session-operator-journal"}]}""", "{" + Db + "}")]
    [InlineData(SkipReason.NameTaken, "container session-operator-install of its own", """{"initContainers": [{"name": "session-operator-install"}]}""", "{" + Db + "}")]
    [InlineData(SkipReason.NameTaken, "volume mount /run/session-operator of its own", """{"containers": [{"name": "web", "volumeMounts": [{"mountPath": "/run/session-operator/"}]}]}""", "{" + Db + "}")]
    [InlineData(SkipReason.NameTaken, "variable SESSION_OPERATOR_DIR of its own", """{"containers": [{"name": "web", "env": [{"name": "SESSION_OPERATOR_DIR", "value": "/x"}]}]}""", "{" + Db + "}")]
    [InlineData(SkipReason.OptionalPythonPath, "write its value, or make the key required", """{"containers": [{"name": "web", "env": [{"name": "PYTHONPATH", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "p", "optional": true}}}]}]}""", "{" + Db + "}")]
    [InlineData(SkipReason.Defect, "could not be read", """{"containers": "three"}""", "{" + Db + "}")]
    public void A_refusal_says_what_to_write_instead(SkipReason reason, string message, string spec, string annotations)
    {
        var verdict = PodMutation.Decide(Make.Pod(spec, annotations), Make.Around(), Make.Settings);
        Assert.Equal((reason, true), (verdict.Skipped, verdict.IsRefusal));
        Assert.Contains(message, verdict.Message, StringComparison.Ordinal);
        Assert.Null(verdict.Patch);
    }

    [Theory]
    [InlineData("kube-system")]
    [InlineData("session-operator")]
    public void The_systems_own_namespaces_are_left_alone_also_by_a_namespaces_default(string ns)
    {
        Assert.Equal(SkipReason.ProtectedNamespace, PodMutation.Decide(Make.Pod(), Make.Around(ns: ns), Make.Settings).Skipped);
        Assert.Equal(SkipReason.ProtectedNamespace, PodMutation.Decide(Make.Pod(annotations: "{}"), Make.Around(true, "orders-db", ns), Make.Settings).Skipped);
    }

    [Fact]
    public void A_workload_can_stay_out_of_the_namespaces_default()
    {
        var pod = Make.Pod(annotations: """{"sessionoperator.dev/inject": "false"}""");
        Assert.Equal((SkipReason.OptedOut, ""), (PodMutation.Decide(pod, Make.Around(true, "orders-db"), Make.Settings) is var v ? (v.Skipped!.Value, v.Message) : default));
    }

    [Fact]
    public void A_pod_that_is_to_end_gets_a_sidecar_only_where_it_can_end_with_it()
    {
        var job = Make.Pod("""{"restartPolicy": "Never"}""");
        Assert.Equal(SkipReason.RunsToCompletion, PodMutation.Decide(job, Make.Around(native: false), Make.Settings).Skipped);
        Assert.NotNull(PodMutation.Decide(job, Make.Around(native: true), Make.Settings).Patch);
    }

    [Fact]
    public void Databases_that_are_not_known_yet_do_not_hold_an_injection_back()
    {
        var around = Make.Around() with { Databases = null };
        Assert.NotNull(PodMutation.Decide(Make.Pod(annotations: """{"sessionoperator.dev/database": "shop/new-db"}"""), around, Make.Settings).Patch);
    }
}
