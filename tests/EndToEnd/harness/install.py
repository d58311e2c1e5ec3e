"""From an app as it was before us to a protected one: the commands of the README, as a new user copies them."""
import glob
import os
import re
import subprocess

from demo.harness.processes import Failure
from demo.harness.stack import ROOT

from .removal import inventory

IMAGES = f"{ROOT}/artifacts/images"


def commands() -> list:
    """Those of the README's block, each with what belongs to it."""
    with open(f"{ROOT}/README.md") as file:
        block = re.search(r"^## On Kubernetes\n.*?^```console\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE).group(1)
    return [command.strip("\n") for command in re.split(r"^\$ ", block, flags=re.MULTILINE) if command]


def install(cluster, shop):
    """The app; then four commands."""
    cluster.load(sorted(glob.glob(f"{IMAGES}/*.tar")))
    shop.install()
    shop.cluster_before = inventory(cluster)
    shop.before_us()
    copied = commands()
    if len(copied) != 4:
        yield f"install: the README needs {len(copied)} commands"
    for command in copied:
        cluster.say("   $ " + command.replace("\n", "\n     "))
        environment = {**os.environ, "KUBECONFIG": os.path.abspath(cluster.kubeconfig), "PATH": f"{cluster.tools}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-euc", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise Failure(f"{command.splitlines()[0]}: {done.stderr.strip()[-600:]}")
    cluster.say("     " + done.stdout.strip().replace("\n", "\n     "))
    shop.must_become_protected()
