"""The operator's rights are those of rbac.yaml: who changes them shows it."""

import unittest

import yaml

from support import HERE, find, read, rendered

ROLES = {"ClusterRole", "Role"}
HEAD = "# What the chart gives the operator, as rendered; a change here is a change of rights. Written by: tests/run rights"


def rights():
    found = {}
    for case in ("default", "namespaced", "cert-manager", "least"):
        found[case] = [
            {"kind": one["kind"], "namespace": one["metadata"].get("namespace", ""), "rules": one["rules"]}
            for one in rendered(case) if one["kind"] in ROLES]
    return found


def text():
    lines = [HEAD]
    for case, roles in rights().items():
        lines.append(f"{case}:" if roles else f"{case}: []")
        for role in roles:
            lines.append(f"- kind: {role['kind']}\n  namespace: {role['namespace'] or chr(34) * 2}\n  rules:")
            lines += ["  - " + yaml.safe_dump(rule, default_flow_style=True, sort_keys=False, width=1000).strip() for rule in role["rules"]]
    return "\n".join(lines) + "\n"


class Rights(unittest.TestCase):
    maxDiff = None

    def test_as_on_file(self):
        self.assertEqual(read(HERE, "rbac.yaml"), text())

    def test_least(self):
        for case, roles in rights().items():
            for role in roles:
                for rule in role["rules"]:
                    with self.subTest(case=case, rule=rule):
                        self.assertNotIn("*", rule["apiGroups"] + rule["resources"] + rule["verbs"])
                        self.assertFalse({"impersonate", "escalate", "bind", "deletecollection"} & set(rule["verbs"]))
                        self.assertFalse({"pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token"} & set(rule["resources"]))
                        if "secrets" in rule["resources"]:
                            self.assertEqual((["secrets"], "session-operator"), (rule["resources"], role["namespace"]))
                            self.assertEqual(["session-operator-ca"], rule["resourceNames"])
                            self.assertLessEqual(set(rule["verbs"]), {"get", "update", "patch"})

    def test_a_list_of_namespaces_is_the_limit(self):
        for one in rendered("namespaced"):
            if one["kind"] == "ClusterRole":
                for rule in one["rules"]:
                    # What has no namespace, and nothing that a namespace holds.
                    self.assertLessEqual(set(rule["resources"]), {"tokenreviews", "nodes", "namespaces", "mutatingwebhookconfigurations"})
        spaces = {one["metadata"]["namespace"] for one in rendered("namespaced") if one["kind"] == "Role"}
        self.assertEqual({"session-operator", "shop", "billing"}, spaces)

    def test_the_hook_at_the_end_leaves_nothing(self):
        for case in ("default", "namespaced"):
            hooks = [one for one in rendered(case) if one["metadata"].get("annotations", {}).get("helm.sh/hook") == "post-delete"]
            self.assertEqual({"ServiceAccount", "Job", *(("Role", "RoleBinding") if case == "namespaced" else ("ClusterRole", "ClusterRoleBinding"))}, {one["kind"] for one in hooks})
            for one in hooks:
                self.assertIn("hook-succeeded", one["metadata"]["annotations"]["helm.sh/hook-delete-policy"])
        self.assertEqual(["--release-workloads", "shop", "billing"], find(rendered("namespaced"), "Job")["spec"]["template"]["spec"]["containers"][0]["args"])

    def test_every_binding_leads_to_its_account(self):
        for case in ("default", "namespaced", "everything"):
            objects = rendered(case)
            for one in objects:
                if one["kind"].endswith("Binding"):
                    # The one that is there as long as the release, or the one of the hook at its end.
                    ends = "helm.sh/hook" in one["metadata"].get("annotations", {})
                    account = find(objects, "ServiceAccount", find(objects, "Job" if ends else "Deployment")["spec"]["template"]["spec"]["serviceAccountName"])["metadata"]
                    self.assertEqual(ends, "helm.sh/hook" in account.get("annotations", {}))
                    self.assertEqual([{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}], one["subjects"])
                    find([role for role in objects if role["metadata"].get("namespace") == one["metadata"].get("namespace")], one["roleRef"]["kind"], one["roleRef"]["name"])


if __name__ == "__main__":
    print(text(), end="")
