"""From an app as it was before us to a protected one, as docs/install.md says it."""
import glob

from demo.harness.stack import ROOT

from .faults import NAMESPACE
from .removal import inventory

IMAGES = f"{ROOT}/artifacts/images"


def install(cluster, shop):
    """The app; helm install, one SessionDatabase, one annotation."""
    cluster.load(sorted(glob.glob(f"{IMAGES}/*.tar")))
    shop.install()
    shop.cluster_before = inventory(cluster)
    cluster.helm("install", "session-operator", f"{ROOT}/charts/session-operator", "-n", NAMESPACE, "--create-namespace", "--wait", "--timeout", "180s",
                 "--set", "replicas=2,injection.heal=true,image.pullPolicy=Never,sidecar.image.pullPolicy=Never")
    shop.must_be_injected(False)
    shop.protect()
