"""The demo's app in a namespace: database, cache, three replicas behind a Service. Speaks as demo.harness.stack.Stack does."""
import json
import subprocess
import threading
import time

from demo.harness.postgres import Psql
from demo.harness.processes import Failure, wait_until
from demo.harness.stack import ACCOUNTS, ROOT
from demo.harness.watch import MODES

MANIFESTS = f"{ROOT}/tests/EndToEnd/manifests"
PASSWORD = "only-for-tests"
REPLICAS = 3
DATABASE = "orders-db"
CONNECT = f"import socket; socket.create_connection(('{DATABASE}', 5432), 2); print('there')"
STOCK = ("env", "-u", "PYTHONPATH", "-u", "SESSION_OPERATOR_DIR")


class Database:
    """The StatefulSet's PostgreSQL, reached as an administrator does: by kubectl exec."""

    def __init__(self, shop):
        self.shop = shop

    def connect(self, user="shop") -> Psql:
        return Psql(self.shop.cluster.command("kubectl", "-n", self.shop.namespace, "exec", "-i", f"{DATABASE}-0", "-c", "postgres", "--",
                                              "psql", "-U", user, "-d", "shop"))

    def sql(self, database, statement):
        return self.shop.kubectl("exec", "-i", f"{DATABASE}-0", "-c", "postgres", "--",
                                 "psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-U", "shop", "-d", database, input=statement)

    def uid(self) -> str:
        return self.shop.kubectl("get", "pod", f"{DATABASE}-0", "-o", "jsonpath={.metadata.uid}", "--ignore-not-found")

    def wait(self):
        """Until its pod is ready, is not on its way out, and takes connections."""
        wait_until(f"PostgreSQL in {self.shop.namespace} is ready", self._is_ready, 180, every=0.5)

    def _is_ready(self):
        """What the objects say may be of before, while the API server was away: the server itself has the last word."""
        pod = self.shop.kubectl("get", "pod", f"{DATABASE}-0", "--ignore-not-found", "-o",
                                "jsonpath={.metadata.deletionTimestamp}{.status.containerStatuses[*].ready}")
        return pod == "true" and self.shop.kubectl(
            "exec", f"{DATABASE}-0", "-c", "postgres", "--", "pg_isready", "-h", "127.0.0.1", "-U", "shop", check=False).endswith("accepting connections")


class Shop:
    def __init__(self, cluster, namespace, replicas=REPLICAS):
        self.cluster, self.namespace, self.password, self.replicas = cluster, namespace, PASSWORD, replicas
        self.database, self.protected = Database(self), False
        self.workplace = self    # where a Run looks for the password

    def kubectl(self, *arguments, **more) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, **more)

    def install(self):
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.kubectl("apply", "-f", f"{MANIFESTS}/shop.yaml")
        if self.replicas != REPLICAS:
            self.kubectl("scale", "deployment", "web", f"--replicas={self.replicas}")
        self.database.wait()
        self.wait()
        # The pod is ready before its Service leads to it.
        wait_until(f"the Service of {DATABASE} leads to it", lambda: self.kubectl(
            "exec", "deploy/web", "-c", "web", "--", "python3", "-c", CONNECT, check=False) == "there", 90, every=1.0)
        self.kubectl("exec", "deploy/web", "-c", "web", "--", "python3", "/srv/app/accounts.py", str(ACCOUNTS), self.password)
        port = self.kubectl("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
        self.address = (self.cluster.address, int(port))
        return self

    def before_us(self):
        self.must_be_injected(False)
        self.template_before = self.template()

    def protect(self):
        """All that a user does."""
        self.before_us()
        self.describe_database()
        self.kubectl("annotate", "deployment", "web", f"sessionoperator.dev/database={DATABASE}")
        self.must_become_protected()

    def must_become_protected(self):
        wait_until("the annotation is in the pod template", lambda: "sessionoperator.dev/database" in self.template(), 90, every=0.5)
        self.wait()
        self.protected = True
        self.must_be_injected()

    def describe_database(self):
        self.kubectl("apply", "-f", f"{MANIFESTS}/orders-db.yaml")

    def describe_database_anew(self):
        """Outages that follow each other closely are taken for flapping, and recovery waits longer after each. What is known
        of past ones goes with the object."""
        self.kubectl("delete", "sessiondatabase", DATABASE, "--timeout", "60s")
        self.describe_database()

    def remove(self):
        self.cluster.kubectl("delete", "namespace", self.namespace, "--timeout", "120s")

    def template(self) -> str:
        return self.kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template}")

    def pods(self) -> list:
        found = json.loads(self.kubectl("get", "pods", "-l", "app=web", "-o", "json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def must_be_injected(self, yes=True):
        for pod in self.pods():
            if self.is_injected(pod) != yes:
                raise Failure(f"pod {pod['metadata']['name']} has {'no' if yes else 'a'} sidecar")

    @staticmethod
    def is_injected(pod) -> bool:
        return "session-operator" in {c["name"] for c in pod["spec"]["containers"] + pod["spec"].get("initContainers", [])}

    def wait(self, meanwhile=lambda: time.sleep(1)):
        """Until the rollout is complete and the pods of before are gone."""
        wait_until(f"the rollout in {self.namespace} is complete, and the pods of before are gone", lambda: self._settled() or meanwhile(), 300, every=0.0)

    def _settled(self):
        deployment = json.loads(self.kubectl("get", "deployment", "web", "-o", "json"))
        wanted, status = deployment["spec"]["replicas"], deployment["status"]
        if status.get("observedGeneration", 0) < deployment["metadata"]["generation"] or status.get("updatedReplicas", 0) < wanted:
            return False
        found = json.loads(self.kubectl("get", "pods", "-l", "app=web", "-o", "json"))["items"]
        return len(found) == wanted and all(
            "deletionTimestamp" not in pod["metadata"] and pod["status"].get("containerStatuses")
            and all(container["ready"] for container in pod["status"]["containerStatuses"]) for pod in found)

    def wait_for_adapter(self):
        """The load runs: a database is known to be writable only after an adapter has told a sidecar how to reach it."""
        if self.protected:
            wait_until(f"{self.namespace}/{DATABASE} is Writable and Normal", self.is_normal, 180, every=1.0)

    def status(self) -> dict:
        return self.cluster.json("-n", self.namespace, "get", "sessiondatabase", DATABASE).get("status", {})

    def is_normal(self) -> bool:
        status = self.status()
        return (status.get("phase"), status.get("mode"), status.get("unsaved", 0)) == ("Writable", "Normal", 0)

    def mode_page(self):
        return ModeInStatus(self)

    def rows(self) -> dict:
        """Read by stock Django without adapter and sidecar."""
        return json.loads(self.kubectl("exec", "deploy/web", "-c", "web", "--", *STOCK, "python3", "/srv/app/rows.py"))


class ModeInStatus:
    """The mode that the apps are told, from a watch of the SessionDatabase; while the API server is away, the last one known."""

    def __init__(self, shop):
        self.shop, self.last, self.closed = shop, None, threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def mode(self) -> str:
        return self.last or MODES[0]

    def deadline(self):
        return None

    def close(self):
        self.closed.set()

    def _run(self):
        command = self.shop.cluster.command("kubectl", "-n", self.shop.namespace, "get", "sessiondatabase", DATABASE, "-w",
                                            "-o", "jsonpath={.status.mode}{'\\n'}", "--request-timeout", "60s")
        while not self.closed.is_set():
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watch:
                for line in watch.stdout:
                    self.last = line.strip() or self.last
                    if self.closed.is_set():
                        break
                watch.kill()
            time.sleep(0.5)
