"""What people would look at when something did not hold, kept before the cluster goes."""
import contextlib
import os
import shutil
import subprocess

from .faults import NAMESPACE

LONGEST = 30    # seconds for one look; a cluster that does not answer is told of by whatever did not hold


@contextlib.contextmanager
def followed(cluster, shop, folder):
    """While the block lasts, the logs of the app's pods that are there now are written to a file: pods that go take theirs along."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(f"{folder}/followed.log", "w") as file:
        command = cluster.command("kubectl", "-n", shop.namespace, "logs", "-f", "-l", "app=web", "--all-containers", "--prefix", "--timestamps", "--since=1s",
                                  "--max-log-requests=20")
        follower = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            follower.terminate()
            follower.wait()


def keep(cluster, shop, folder):
    """Events, objects, and the logs of app, sidecars and operator, each in a file."""
    looks = {
        "pods.yaml": ("-n", shop.namespace, "get", "pods", "-o", "yaml"),
        "sessiondatabases.yaml": ("-n", shop.namespace, "get", "sessiondatabases", "-o", "yaml"),
        "events": ("get", "events", "-A", "--sort-by=.lastTimestamp"),
        "database.log": ("-n", shop.namespace, "logs", "-l", "app=orders-db", "--tail=-1", "--timestamps"),
        "operator.log": ("-n", NAMESPACE, "logs", "-l", "app.kubernetes.io/name=session-operator", "--tail=-1", "--prefix"),
        "app.log": ("-n", shop.namespace, "logs", "-l", "app=web", "-c", "web", "--tail=-1", "--prefix", "--timestamps"),
        "sidecars.log": ("-n", shop.namespace, "logs", "-l", "app=web", "-c", "session-operator", "--tail=-1", "--prefix"),
    }
    for name, arguments in looks.items():
        with open(f"{folder}/{name}", "w") as file:
            try:
                subprocess.run(cluster.command("kubectl", *arguments), stdout=file, stderr=file, timeout=LONGEST)
            except subprocess.TimeoutExpired:
                file.write(f"kubectl {' '.join(arguments)}: no answer within {LONGEST} s\n")
