"""What happens to the database, and to what stands around it. Each is on from its begin() to the end of its lift()."""
import contextlib
import subprocess
import time

from demo.harness.processes import Failure, wait_until

from .beside import Beside
from .shop import DATABASE, REPLICAS, Shop

NAMESPACE = "session-operator"
POD = f"{DATABASE}-0"
PATIENCE = 180.0    # seconds for what a cluster does by itself, on a machine that is busy


class Fault:
    """While it is on, during() may do more; it is given the Run, and what is left of the fault's length is waited for."""

    def __init__(self, database):
        self.database, self.shop, self.cluster = database, database.shop, database.shop.cluster

    def prepare(self):
        pass

    def during(self, run):
        pass

    def lift(self):
        self.database.wait()

    @classmethod
    @contextlib.contextmanager
    def around(cls, shop):
        """What stands beside the app for the scenario; yields who is there, too, and must notice nothing."""
        yield None


class AnotherPod(Fault):
    """One after which another pod has the database."""

    def prepare(self):
        self.before = self.database.uid()

    def lift(self):
        wait_until("PostgreSQL has another pod", lambda: self.database.uid() not in ("", self.before), PATIENCE, every=0.5)
        super().lift()


class DeletePod(AnotherPod):
    """Somebody deletes the pod; its StatefulSet makes another one."""

    def begin(self):
        self.shop.kubectl("delete", "pod", POD, "--wait=false")


class KillPostmaster(Fault):
    """kill -9: the container ends, the kubelet starts it again, and the server recovers from its log."""

    def begin(self):
        self.shop.kubectl("exec", POD, "-c", "postgres", "--", "sh", "-c", "kill -9 $(head -n 1 $PGDATA/postmaster.pid)", check=False)

    def prepare(self):
        self.before = self._restarts()

    def lift(self):
        wait_until("the container was started again", lambda: self._restarts() > self.before, PATIENCE, every=0.5)
        super().lift()

    def _restarts(self) -> int:
        return int(self.shop.kubectl("get", "pod", POD, "-o", "jsonpath={.status.containerStatuses[?(@.name=='postgres')].restartCount}"))


class ReadOnly(Fault):
    """A failover's view: the server answers, reads, and refuses every write. Nothing in Kubernetes changes."""

    def begin(self):
        self._set("on")

    def lift(self):
        self._set("off")

    def _set(self, value):
        self.database.sql("postgres", f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.database.sql("postgres", "SELECT pg_reload_conf()")


class RollingUpdate(AnotherPod):
    """A change to the StatefulSet's template, as an upgrade is one."""

    def begin(self):
        self.shop.kubectl("rollout", "restart", f"statefulset/{DATABASE}")


class Drain(AnotherPod):
    """The node is cordoned and the pod evicted; it finds no other node until this one is open again."""

    def begin(self):
        node = self.shop.kubectl("get", "pod", POD, "-o", "jsonpath={.spec.nodeName}")
        self.node = node
        # It returns when the pod is gone.
        self.drain = subprocess.Popen(
            self.cluster.command("kubectl", "drain", node, f"--pod-selector=app={DATABASE}", "--force", "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={PATIENCE:g}s"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def lift(self):
        told, _ = self.drain.communicate(timeout=PATIENCE + 10)
        if self.drain.returncode:
            raise Failure(f"kubectl drain failed: {told.strip()[-600:]}")
        self.cluster.kubectl("uncordon", self.node)
        super().lift()


class Gone(AnotherPod):
    """Scaled to nothing, for as long as something else happens besides."""

    def begin(self):
        self.shop.kubectl("scale", "statefulset", DATABASE, "--replicas=0")

    def taken_over(self, run):
        """Until the apps are told that the database is gone, and hold changes that it has not seen."""
        wait_until("the apps hold unsaved changes", lambda: run.wait(1) or self.shop.status().get("unsaved", 0) > 0, PATIENCE, every=0.0)

    def lift(self):
        self.shop.kubectl("scale", "statefulset", DATABASE, "--replicas=1")
        super().lift()


class AppRolls(Gone):
    """The app is scaled down and rolled: every pod that holds unsaved changes goes, with its volume."""

    def during(self, run):
        self.taken_over(run)
        self.shop.kubectl("scale", "deployment", "web", f"--replicas={REPLICAS - 1}")
        run.wait(2)
        self.shop.kubectl("rollout", "restart", "deployment/web")
        self.shop.wait(meanwhile=lambda: run.wait(1))

    def lift(self):
        super().lift()
        self.shop.kubectl("scale", "deployment", "web", f"--replicas={REPLICAS}")


class OperatorDies(Gone):
    """One of the operator's replicas is killed without a word."""

    def during(self, run):
        self.taken_over(run)
        pods = self.cluster.json("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=session-operator")["items"]
        self.cluster.kubectl("-n", NAMESPACE, "delete", "pod", pods[0]["metadata"]["name"], "--grace-period=0", "--force")


class ApiServerStops(Gone):
    """Nobody can write a decision, list pods or review a token for a while."""

    def during(self, run):
        self.taken_over(run)
        self.cluster.stop("kube-apiserver")
        try:
            run.wait(8)
        finally:
            self.cluster.up()


class OtherDatabase(Gone):
    """Two databases, two apps: one database is gone, and the other app does not notice."""

    @classmethod
    @contextlib.contextmanager
    def around(cls, shop):
        other = Shop(shop.cluster, "billing", replicas=1)
        try:
            other.install()
            if shop.protected:
                other.protect()
            people = Beside(other, "two-databases/billing")
            with people.watched("protected" if shop.protected else "stock"):
                other.wait_for_adapter()
                yield people
            if shop.protected and not other.is_normal():
                raise Failure(f"the other database is {other.status()}")
        finally:
            other.remove()


SCENARIOS = {
    "delete-pod": DeletePod, "kill-postmaster": KillPostmaster, "readonly": ReadOnly, "rolling-update": RollingUpdate,
    "drain": Drain, "app-rolls": AppRolls, "operator-dies": OperatorDies, "apiserver-stops": ApiServerStops, "two-databases": OtherDatabase,
}


def needs_own_cluster(name) -> bool:
    return SCENARIOS.get(name) is ApiServerStops


def during(run):
    """The hook of a Run: the fault's own doings, then the rest of its length."""
    begun = time.time()
    run.fault.during(run)
    run.wait(max(0.0, run.lengths.fault - (time.time() - begun)))


def settle(shop):
    """Until nothing moves any more."""
    shop.wait()
    shop.cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/session-operator", "--timeout", f"{PATIENCE:g}s")


def back_to_normal(shop):
    """The apps are told Normal, and no change is unsaved."""
    settle(shop)
    if shop.protected:
        wait_until("the apps are told Normal again, and nothing is unsaved", shop.is_normal, PATIENCE, every=1.0)
