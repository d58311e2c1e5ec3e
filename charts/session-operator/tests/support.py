"""Renders the chart with the real helm."""

import functools
import os
import subprocess

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
CHART = os.path.dirname(HERE)
REPOSITORY = os.path.dirname(os.path.dirname(CHART))
VERSIONS = [f"1.{minor}" for minor in range(20, 37)]
NAMESPACE = "session-operator"
# Names for sets of values: the chart's defaults, the file it ships for large clusters, and those of the tests.
CASES = {
    "default": [], "ha": [os.path.join(CHART, "values-ha.yaml")],
    **{name: [os.path.join(HERE, "values", f"{name}.yaml")] for name in ("namespaced", "cert-manager", "everything", "least")},
}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)


def helm_template(*arguments, release="session-operator"):
    return run("helm", "template", release, CHART, "--namespace", NAMESPACE, *arguments)


def values_of(case):
    return [word for file in CASES[case] for word in ("--values", file)]


@functools.lru_cache(maxsize=None)
def rendered_text(case, version="1.34"):
    """What helm prints for a set of values."""
    result = helm_template("--kube-version", version, *values_of(case))
    if result.returncode:
        raise AssertionError(f"{case} on {version}: {result.stderr}")
    return result.stdout


def rendered(case, version="1.34"):
    """The objects of that, as dictionaries."""
    return [document for document in yaml.load_all(rendered_text(case, version), Loader=yaml.CSafeLoader) if document]


def find(objects, kind, name=None):
    found = [one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects are {kind} {name or ''}"
    return found[0]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()
