"""A real API server (1.20, or that of KUBEBUILDER_ASSETS): what it accepts, what an upgrade keeps, what a removal leaves."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from support import CASES, CHART, NAMESPACE, REPOSITORY, rendered, rendered_text, run

CLUSTER_KINDS = "clusterroles,clusterrolebindings,mutatingwebhookconfigurations,customresourcedefinitions"
OWN_KINDS = "deployments,services,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,pods"


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="chart-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        server = os.path.join(REPOSITORY, "scripts", "kube", "apiserver")
        cls.addClassCleanup(run, server, "stop", cls.folder)
        # To a file, not a pipe: the servers it leaves behind would hold the pipe open.
        with open(os.path.join(cls.folder, "start.log"), "w+", encoding="utf-8") as log:
            started = subprocess.run([server, "start", cls.folder, "--owner", str(os.getpid())], stdout=log, stderr=log, timeout=1200, check=False)
            log.seek(0)
            assert started.returncode == 0, log.read()
        cls.environment = {**os.environ, "KUBECONFIG": os.path.join(cls.folder, "kubeconfig")}
        version = json.loads(run("kubectl", "version", "-o", "json", env=cls.environment).stdout)["serverVersion"]
        cls.version = f"{version['major']}.{re.match('[0-9]+', version['minor'])[0]}"

    def ask(self, *command, **more):
        result = run(*command, env=self.environment, **more)
        self.assertEqual(0, result.returncode, f"{' '.join(command)}\n{result.stdout}{result.stderr}")
        return result.stdout

    def names(self, kinds, *arguments):
        return self.ask("kubectl", "get", kinds, "-o", "name", "-l", "app.kubernetes.io/name=session-operator", *arguments).split()

    def test_accepts_every_field(self):
        """Validation is on: a field that the server does not know is an error."""
        for space in (NAMESPACE, "shop", "billing"):
            run("kubectl", "create", "namespace", space, env=self.environment)
        for case in CASES:
            with self.subTest(case):
                ours = "\n---\n".join(
                    document for document in rendered_text(case, self.version).split("\n---\n")
                    if not re.search(r"^apiVersion: (monitoring\.coreos\.com|cert-manager\.io)/", document, re.MULTILINE))
                done = self.ask("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", "-", input=ours)
                expected = [one for one in rendered(case, self.version) if not one["apiVersion"].startswith(("monitoring.", "cert-manager."))]
                self.assertEqual(len(expected), done.count("server dry run"), done)

    def test_install_upgrade_uninstall(self):
        before = self.ask("kubectl", "get", CLUSTER_KINDS, "-o", "name").split()
        release = ("session-operator", "-n", NAMESPACE)
        self.ask("helm", "install", *release, CHART, "--create-namespace")
        self.assertEqual(4, len(self.names(CLUSTER_KINDS)))
        # What the operator writes at run time stays with an upgrade.
        self.ask("kubectl", "-n", NAMESPACE, "patch", "secret", "session-operator-ca", "-p", '{"data":{"ca.crt":"eA=="}}')
        webhook = ("mutatingwebhookconfiguration", "session-operator-session-operator")
        self.ask("kubectl", "patch", *webhook, "--type=json", "-p", '[{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"%s"}]' % BUNDLE)
        self.ask("kubectl", "-n", "default", "apply", "-f", "-", input=DATABASE)
        self.ask("helm", "upgrade", *release, CHART, "--set", "replicas=3")
        self.assertEqual("3", self.ask("kubectl", "-n", NAMESPACE, "get", "deployment", "session-operator", "-o", "jsonpath={.spec.replicas}"))
        self.assertEqual("eA==", self.ask("kubectl", "-n", NAMESPACE, "get", "secret", "session-operator-ca", "-o", "jsonpath={.data.ca\\.crt}"))
        self.assertEqual(BUNDLE, self.ask("kubectl", "get", *webhook, "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}"))

        # Hooks need a kubelet to run; here there is none.
        self.ask("helm", "uninstall", *release, "--no-hooks")
        self.assertEqual([], self.names(OWN_KINDS, "--all-namespaces"))
        definition = "customresourcedefinition.apiextensions.k8s.io/sessiondatabases.sessionoperator.dev"
        self.assertEqual({*before, definition}, set(self.ask("kubectl", "get", CLUSTER_KINDS, "-o", "name").split()))
        self.assertIn("orders-db", self.ask("kubectl", "-n", "default", "get", "sessiondatabases", "-o", "name"))

        # And it can be installed again over what was kept.
        self.ask("helm", "install", *release, CHART)
        self.ask("helm", "uninstall", *release, "--no-hooks")


DATABASE = """
apiVersion: sessionoperator.dev/v1alpha1
kind: SessionDatabase
metadata: { name: orders-db }
spec: { fallback: Cache }
"""

def bundle():
    """A certificate, since the API server takes nothing else; base64 of the PEM."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ca.crt")
        made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test",
                   "-keyout", os.devnull, "-out", path)
        assert made.returncode == 0, made.stderr
        with open(path, "rb") as file:
            return base64.b64encode(file.read()).decode()


BUNDLE = bundle()
