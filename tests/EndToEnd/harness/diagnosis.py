"""What people would look at when something did not hold, kept before the cluster goes."""
import os
import subprocess

from .faults import NAMESPACE

LONGEST = 30    # seconds for one look; a cluster that does not answer is told of by whatever did not hold


def keep(cluster, shop, folder):
    """Events, objects, and the logs of app, sidecars and operator, each in a file."""
    os.makedirs(folder, exist_ok=True)
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
