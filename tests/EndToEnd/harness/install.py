"""From nothing to a protected app, as the README says it, and back."""
import glob

from demo.harness.stack import ROOT

from .faults import NAMESPACE

IMAGES = f"{ROOT}/artifacts/images"


def images() -> list:
    return sorted(glob.glob(f"{IMAGES}/*.tar"))


def install(cluster, shop):
    """helm install, the app as it was before us, one SessionDatabase, one annotation."""
    cluster.load(images())
    cluster.helm("install", "session-operator", f"{ROOT}/charts/session-operator", "-n", NAMESPACE, "--create-namespace",
                 "--set", "replicas=2,image.pullPolicy=Never,sidecar.image.pullPolicy=Never", "--wait", "--timeout", "180s")
    shop.install()
    shop.must_be_injected(False)
    shop.protect()
