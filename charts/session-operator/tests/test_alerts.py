"""Alerts: promtool understands them, they fire when they should, and the runbook explains each of them."""

import os
import re
import tempfile
import unittest

import yaml

from support import CHART, HERE, REPOSITORY, find, read, rendered, run


class Alerts(unittest.TestCase):
    def test_promtool_check(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rules.yaml")
            with open(path, "w", encoding="utf-8") as file:
                yaml.safe_dump(find(rendered("everything"), "PrometheusRule")["spec"], file)
            result = run("promtool", "check", "rules", path)
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)

    def test_promtool_unit_tests(self):
        result = run("promtool", "test", "rules", os.path.join(HERE, "alerts.yaml"))
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)

    def test_runbook_explains_exactly_these(self):
        rules = yaml.safe_load(read(CHART, "monitoring", "alerts.yaml"))["groups"][0]["rules"]
        names = sorted(rule["alert"] for rule in rules)
        section = re.search(r"^## Alerts\n(.*?)^## ", read(REPOSITORY, "docs/runbook.md"), re.DOTALL | re.MULTILINE)[1]
        self.assertEqual(sorted(re.findall(r"^\*\*`(\w+)`\*\*", section, re.MULTILINE)), names)
        self.assertEqual(sorted(re.findall(r"- alert: (\w+)", read(REPOSITORY, "docs/reference/metrics.md"))), names)

    def test_metrics_exist(self):
        known = set(re.findall(r"^\| `(session_operator_\w+)`", read(REPOSITORY, "docs/reference/metrics.md"), re.MULTILINE))
        for rule in yaml.safe_load(read(CHART, "monitoring", "alerts.yaml"))["groups"][0]["rules"]:
            self.assertLessEqual(set(re.findall(r"session_operator_\w+", rule["expr"])), known)
