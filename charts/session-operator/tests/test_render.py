"""What is rendered is well formed for every Kubernetes version, and keeps the promises of the pages."""

import json
import re
import unittest

import yaml

from support import CASES, CHART, NAMESPACE, REPOSITORY, VERSIONS, find, read, rendered, run, values_of

# What every server from 1.20 to 1.36 serves; PodDisruptionBudget is the exception, and tested apart.
SERVED = {
    "v1": {"ServiceAccount", "Secret", "ConfigMap", "Service", "Pod"}, "apps/v1": {"Deployment"}, "batch/v1": {"Job"}, "coordination.k8s.io/v1": {"Lease"},
    "rbac.authorization.k8s.io/v1": {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"},
    "networking.k8s.io/v1": {"NetworkPolicy"}, "apiextensions.k8s.io/v1": {"CustomResourceDefinition"},
    "admissionregistration.k8s.io/v1": {"MutatingWebhookConfiguration"},
    "policy/v1": {"PodDisruptionBudget"}, "policy/v1beta1": {"PodDisruptionBudget"},
    "cert-manager.io/v1": {"Issuer", "Certificate"}, "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule"},
}


class Render(unittest.TestCase):
    def test_lint(self):
        for case in CASES:
            with self.subTest(case):
                result = run("helm", "lint", "--strict", CHART, *values_of(case))
                self.assertEqual(0, result.returncode, result.stdout + result.stderr)

    def test_every_version(self):
        """What a real 1.20 server accepts (test_server) is what all later ones get, but for the one API that moved and one field of it."""
        for case in CASES:
            newest = rendered(case, VERSIONS[-1])
            for version in VERSIONS:
                with self.subTest(case=case, version=version):
                    objects = rendered(case, version)
                    for one in objects:
                        self.assertIn(one["kind"], SERVED.get(one["apiVersion"], ()))
                        if one["kind"] == "PodDisruptionBudget":
                            self.assertEqual("policy/v1beta1" if version == "1.20" else "policy/v1", one["apiVersion"])
                            one["apiVersion"] = "policy/v1"
                            # Servers before 1.27 do not know the field, and a strict client refuses what they do not know.
                            old = int(version.partition(".")[2]) < 27
                            self.assertEqual(None if old else "AlwaysAllow", one["spec"].get("unhealthyPodEvictionPolicy"))
                            one["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
                    self.assertEqual(newest, objects)

    def test_names_are_unique(self):
        for case in CASES:
            names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in rendered(case)]
            self.assertEqual(sorted(set(names), key=str), sorted(names, key=str))

    def test_old_servers_are_refused(self):
        result = run("helm", "template", CHART, "--kube-version", "1.19")
        self.assertNotEqual(0, result.returncode)
        self.assertIn(">=1.20", result.stderr)

    def test_replicas_may_not_go_together(self):
        self.assertEqual(2, find(rendered("default"), "Deployment")["spec"]["replicas"])
        objects = rendered("ha")
        deployment = find(objects, "Deployment")["spec"]
        self.assertEqual(3, deployment["replicas"])
        self.assertEqual(1, find(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"])
        self.assertEqual(0, deployment["strategy"]["rollingUpdate"]["maxUnavailable"])
        spread = {one["topologyKey"]: one for one in deployment["template"]["spec"]["topologySpreadConstraints"]}
        self.assertEqual({"kubernetes.io/hostname", "topology.kubernetes.io/zone"}, set(spread))

    def test_every_pod_is_restricted(self):
        for case in CASES:
            for one in rendered(case):
                if one["kind"] not in ("Deployment", "Pod"):
                    continue
                spec = one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]
                self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                self.assertEqual("RuntimeDefault", spec["securityContext"]["seccompProfile"]["type"])
                for key in ("hostNetwork", "hostPID", "hostIPC"):
                    self.assertNotIn(key, spec)
                for volume in spec["volumes"]:
                    self.assertNotIn("hostPath", volume)
                for container in spec["containers"] + spec.get("initContainers", []):
                    context = container["securityContext"]
                    self.assertEqual(
                        (False, True, ["ALL"]),
                        (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"], context["capabilities"]["drop"]))
                    self.assertIn("memory", container["resources"]["limits"])

    def test_the_definition_stays(self):
        definition = find(rendered("default"), "CustomResourceDefinition")
        self.assertEqual("keep", definition["metadata"]["annotations"]["helm.sh/resource-policy"])
        generated = yaml.safe_load(read(CHART, "generated", "sessiondatabases.yaml"))
        self.assertEqual(generated["spec"], definition["spec"])

    def test_a_missing_webhook_stops_no_pod(self):
        configuration = find(rendered("default"), "MutatingWebhookConfiguration")
        (webhook,) = configuration["webhooks"]
        self.assertEqual("Ignore", webhook["failurePolicy"])
        self.assertEqual("None", webhook["sideEffects"])
        self.assertEqual("IfNeeded", webhook["reinvocationPolicy"])
        self.assertTrue(2 <= webhook["timeoutSeconds"] <= 5)
        (rule,) = webhook["rules"]
        self.assertEqual((["CREATE"], ["pods"]), (rule["operations"], rule["resources"]))
        (names,) = webhook["namespaceSelector"]["matchExpressions"]
        self.assertEqual(("kubernetes.io/metadata.name", "NotIn"), (names["key"], names["operator"]))
        self.assertLessEqual({"kube-system", NAMESPACE}, set(names["values"]))
        # The operator writes it at run time; a chart that wrote it too would undo that with every upgrade.
        self.assertNotIn("caBundle", webhook["clientConfig"])

    def test_the_operators_secret_is_left_to_the_operator(self):
        self.assertFalse({"data", "stringData"} & set(find(rendered("default"), "Secret")))

    def test_ports_agree(self):
        for case in CASES:
            objects = rendered(case)
            (container,) = find(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            config = yaml.safe_load(next(one for one in objects if one["kind"] == "ConfigMap" and "config.yaml" in one["data"])["data"]["config.yaml"])
            for name in ("grpc", "http", "webhook"):
                self.assertEqual(ports.get(name), int(config[name].rpartition(":")[2]) if name in config else None)
            self.assertEqual(set(ports), {port["targetPort"] for port in find(objects, "Service")["spec"]["ports"]})

    def test_hooks_are_not_behind_the_service(self):
        for case in CASES:
            selector = find(rendered(case), "Service")["spec"]["selector"]
            pods = [one["metadata"] for one in rendered(case) if one["kind"] == "Pod"]
            self.assertEqual(1, len(pods))
            for pod in pods:
                self.assertFalse(selector.items() <= pod["labels"].items())

    def test_dashboard_uses_metrics_there_are(self):
        known = set(re.findall(r"^\| `(session_operator_\w+)`", read(REPOSITORY, "docs/reference/metrics.md"), re.MULTILINE))
        dashboard = json.loads(find(rendered("everything"), "ConfigMap", "sessions-dashboard")["data"]["session-operator.json"])
        used = {
            re.sub(r"_bucket$", "", metric)
            for panel in dashboard["panels"] for target in panel["targets"] for metric in re.findall(r"session_operator_\w+", target["expr"])}
        self.assertGreater(len(used), 5)
        self.assertEqual(set(), used - known)
