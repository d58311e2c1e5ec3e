"""The cluster: that of KUBECONFIG, or one of our own on this machine. Everything is done with helm and kubectl."""
import json
import os
import shutil
import subprocess

from demo.harness.processes import Failure
from demo.harness.stack import ROOT

KUBE = f"{ROOT}/scripts/kube"
IMAGES = ("busybox", "memcached", "postgres", "app")


def output(*command, check=True, **more) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode and check:
        raise Failure(f"{' '.join(command)[:200]} failed: {done.stderr.strip()[-600:] or done.stdout.strip()[-600:]}")
    return done.stdout.strip()


class Cluster:
    """Use as a context manager: a cluster of our own goes when the block is left, unless KEEP=1."""

    def __init__(self, folder, say):
        self.folder, self.say, self.own = folder, say, not os.environ.get("KUBECONFIG")
        self.kubeconfig = f"{folder}/kubeconfig" if self.own else os.environ["KUBECONFIG"]
        self.tools = ""

    def __enter__(self):
        self.tools = output(f"{KUBE}/tools").splitlines()[-1]
        if self.own:
            self.say("a cluster of our own; the first time it is built, which takes about 10 minutes")
            self._script("down", self.folder)    # what KEEP=1 has left
            self.up()
        self.address = output("cat", f"{self.folder}/address") if self.own else self._node_address()
        return self

    def __exit__(self, *_):
        if self.own and os.environ.get("KEEP") != "1":
            self._script("down", self.folder)

    def up(self):
        os.makedirs(self.folder, exist_ok=True)
        self._script("up", self.folder)

    def stop(self, server):
        self._script("stop", self.folder, server)

    def load(self, packed):
        """Puts the images onto the node of our own cluster; those of another must have them."""
        if not self.own:
            self.say(f"the images are taken to be on the cluster's nodes: {', '.join(IMAGES)}, operator, sidecar")
            return
        archives = [output(f"{KUBE}/image", name) for name in IMAGES] + list(packed)
        self._script("load", self.folder, *archives)

    def kubectl(self, *arguments, **more) -> str:
        return output(*self.command("kubectl", *arguments), **more)

    def helm(self, *arguments) -> str:
        return output(*self.command("helm", *arguments))

    def json(self, *arguments) -> dict:
        return json.loads(self.kubectl(*arguments, "-o", "json"))

    def command(self, program, *arguments) -> list:
        path = shutil.which(program, path=self.tools)
        return [path, "--kubeconfig", self.kubeconfig, *arguments]

    def _node_address(self) -> str:
        return self.kubectl(
            "get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}")

    def _script(self, *arguments):
        with open(f"{self.folder}.log", "a") as log:
            if subprocess.run([f"{KUBE}/cluster", *arguments], stdout=log, stderr=log).returncode:
                raise Failure(f"scripts/kube/cluster {' '.join(arguments)[:100]} failed; see {self.folder}.log")
