"""Bad values are refused with a message that names them; README and values.yaml say the same."""

import json
import re
import unittest

import yaml

from support import CHART, helm_template, read

# One --set each, and what the message must say besides the name.
REFUSED = [
    ("replica=3", "'replica' not allowed"), ("replicas=0", "want 1"), ("replicas=two", "integer"), ("replicas=99", "want 9"),
    ("lease=1s", "3s to 5m"), ("lease=6m", "3s to 5m"), ("lease=soon", "3s to 5m"), ("lease=10", "string"),
    ("bindAddress=127.0.0.1", "0.0.0.0"), ("namespaces=shop", "array"), ("namespaces={Shop}", "lower-case"),
    ("namespaces={a\\,b}", "lower-case"), ("namespaces={a,a}", "equal"),
    ("image.pullPolicy=Sometimes", "IfNotPresent"), ("image.name=x", "'name' not allowed"), ("image.repository=", "minLength"),
    ("image.repository=Registry/x", "lower case"), ("image.repository=r/x:1", "image.tag"), ("image.digest=abc", "sha256"),
    ("image.tag=1", "string"), ("sidecar.image.tag=a b", "tag"), ("sidecar.image.digest=sha1:0", "sha256"),
    ("sidecar.resources.limits.memory=lots", "pattern"), ("sidecar.resources.limit.memory=1Gi", "'limit' not allowed"),
    ("imagePullSecrets={registry}", "object"), ("imagePullSecrets[0].nam=x", "name"),
    ("injection.enabled=maybe", "boolean"), ("injection.timeoutSeconds=1", "want 2"), ("injection.timeoutSeconds=30", "want 5"),
    ("injection.failurePolicy=Fail", "'failurePolicy' not allowed"), ("injection.excludedNamespaces={a_b}", "lower-case"),
    ("injection.enabled=false,injection.heal=true", "injection.enabled"),
    ("certManager.enabled=true,certManager.issuerRef.kind=ClusterIssuer", "name"),
    ("certManager.issuerRef.name=x", "certManager.enabled"), ("certManager.enabled=true,certManager.issuerRef.kind=Isuer", "Issuer"),
    ("crds=false", "object"), ("rbac.create=sure", "boolean"), ("serviceAccount.create=false", "serviceAccount.name"),
    ("serviceAccount.name=Bad_Name", "lower-case"), ("fullnameOverride=9lives", "beginning with a letter"),
    ("nameOverride=No", "lower-case"), ("resources.limits.memory=1GB", "pattern"), ("resources.limits.gpu=1", "'gpu' not allowed"),
    ("podLabels.a=1", "string"), ("tolerations[0].effect=NoRun", "NoSchedule"), ("affinity.nodes=x", "'nodes' not allowed"),
    ("topologySpread.nodes=Maybe", "DoNotSchedule"), ("topologySpread.racks=DoNotSchedule", "'racks' not allowed"),
    ("podDisruptionBudget.minAvailable=2", "'minAvailable' not allowed"), ("networkPolicy.apiServerPorts={}", "integer"),
    ("networkPolicy.apiServerPorts={0}", "want 1"), ("networkPolicy.metricsFrom[0].namespace=x", "'namespace' not allowed"),
    ("podMonitor.enabled=1", "boolean"), ("podMonitor.interval=often", "seconds"), ("prometheusRule.label=x", "'label' not allowed"),
    ("dashboard.labels=x", "object"),
]


class Values(unittest.TestCase):
    def test_refused(self):
        for assignment, says in REFUSED:
            with self.subTest(assignment):
                result = helm_template("--set", assignment)
                self.assertNotEqual(0, result.returncode, "it was accepted")
                # Schemas name a value as /image/tag, the chart's own messages as image.tag.
                name = re.split(r",(?=\w+\.)", assignment)[-1].partition("=")[0]
                self.assertIn(re.split(r"[.\[]", name)[0], result.stderr)
                self.assertIn(says, result.stderr)

    def test_every_value_has_a_schema(self):
        schema = json.loads(read(CHART, "values.schema.json"))
        defaults = yaml.safe_load(read(CHART, "values.yaml"))

        def compare(path, values, form):
            form = schema["$defs"][form["$ref"].rpartition("/")[2]] if "$ref" in form else form
            if "properties" not in form:
                return
            self.assertIs(False, form.get("additionalProperties"), path)
            if path in ("", "image", "sidecar", "injection", "networkPolicy", "podMonitor"):
                self.assertEqual(set(values), set(form["properties"]) - {"global"}, path)
            for name, below in form["properties"].items():
                if isinstance(values, dict) and name in values:
                    compare(f"{path}.{name}".strip("."), values[name], below)

        compare("", defaults, schema)

    def test_readme_says_what_values_say(self):
        documented = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|$", read(CHART, "README.md"), re.MULTILINE))
        self.assertEqual(values_and_words(), documented, "write the table with: tests/run table")


def values_and_words():
    """What values.yaml says: each value's path, its default and the comment above it, as in the README's table."""
    rows, path, comment = {}, [], None
    for line in read(CHART, "values.yaml").splitlines():
        if match := re.match(r" *# -- (.*)", line):
            comment = match[1]
        elif match := re.match(r"( *)([\w]+):(?: (.*))?$", line):
            depth = len(match[1]) // 2
            path = [*path[:depth], match[2]]
            if comment:
                rows[".".join(path)] = f"`{default_of(path)}` | {comment}"
            comment = None
    return rows


def default_of(path):
    value = yaml.safe_load(read(CHART, "values.yaml"))
    for name in path:
        value = value[name]
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip()


if __name__ == "__main__":
    print("| value | default | meaning |\n|---|---|---|")
    for name, words in values_and_words().items():
        print(f"| `{name}` | {words} |")
