"""Do no harm: pods that are made while the operator is away, and what is left when it is removed."""
import json

from demo.harness.processes import wait_until
from demo.harness.stack import ROOT

from .beside import Beside
from .faults import NAMESPACE, settle

CHART = f"{ROOT}/charts/session-operator"

# What comes and goes by itself.
TRANSIENT = {"events", "pods", "replicasets", "controllerrevisions", "endpoints", "endpointslices", "leases"}
NO_LIST = {"componentstatuses"}


def inventory(cluster) -> set:
    """All that the cluster holds, as kind/namespace/name, but what comes and goes by itself."""
    kinds = [kind for kind in cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
             if kind.partition(".")[0] not in NO_LIST]
    found = cluster.kubectl("get", ",".join(kinds), "-A", "-o",
                            "jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{'\\n'}{end}")
    return {line for line in found.splitlines() if not _comes_and_goes(line)}


def _comes_and_goes(line):
    kind, namespace, name = line.split("/", 2)
    plural = kind.lower() + "s"
    # A Lease of ours would be an object left behind; those of the nodes are not ours.
    return plural in TRANSIENT and not (plural == "leases" and namespace == NAMESPACE)


def while_the_operator_is_away(results, shop, name):
    """The webhook answers nobody: pods start all the same, unprotected. When it is back they are noticed, and healed."""
    cluster = shop.cluster
    people = Beside(shop, name)
    cluster.helm("upgrade", "session-operator", CHART, "-n", NAMESPACE, "--reuse-values", "--set", "injection.heal=true", "--wait", "--timeout", "180s")
    with people.watched("protected"):
        cluster.kubectl("-n", NAMESPACE, "scale", "deployment", "session-operator", "--replicas=0")
        wait_until("the operator is gone", lambda: not cluster.json("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=session-operator")["items"], 120, every=1.0)
        shop.kubectl("delete", "pod", shop.pods()[0]["metadata"]["name"])
        shop.wait()
        bare = [pod["metadata"]["name"] for pod in shop.pods() if not shop.is_injected(pod)]
        if len(bare) != 1:
            yield f"{name}: {len(bare)} pods are without sidecar, not the one that was made while the operator was away"
        cluster.kubectl("-n", NAMESPACE, "scale", "deployment", "session-operator", "--replicas=2")
        settle(shop)
        wait_until("every pod has the sidecar again", lambda: all(map(shop.is_injected, shop.pods())), 240, every=1.0)
        shop.wait()
    for reason in ("NotInjected", "Healing"):
        if not shop.kubectl("get", "events", "--field-selector", f"reason={reason}", "-o", "name"):
            yield f"{name}: there is no event {reason}"
    results.entries.append(people.entry)
    yield from people.missed()


def _ours(template) -> dict:
    """Without what `kubectl rollout restart` wrote into it: that is the user's own, and stays."""
    template = json.loads(template)
    annotations = template["metadata"].pop("annotations", {})
    annotations.pop("kubectl.kubernetes.io/restartedAt", None)
    return {**template, "annotations": annotations}


def uninstall(results, shop, name):
    """helm uninstall, and what the install page says besides: nothing is left, and the app is as it was before us."""
    cluster = shop.cluster
    people = Beside(shop, name)
    with people.watched("protected"):
        cluster.helm("uninstall", "session-operator", "-n", NAMESPACE, "--timeout", "180s")
        wait_until("the pod template is as it was", lambda: _ours(shop.template()) == _ours(shop.template_before), 120, every=1.0)
        shop.wait()
    shop.protected = False
    results.entries.append(people.entry)
    yield from people.missed()
    for pod in shop.pods():
        if shop.is_injected(pod):
            yield f"{name}: pod {pod['metadata']['name']} still has a sidecar"
    cluster.kubectl("delete", "customresourcedefinition", "sessiondatabases.sessionoperator.dev", "--timeout", "120s")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout", "180s")
    for line in sorted(inventory(cluster) - shop.cluster_before):
        yield f"{name}: {line} is left behind"
