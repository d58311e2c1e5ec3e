"""The demo's settings for a cluster: servers are named by Services, and probes ask under the pod's own address."""
import os

os.environ.setdefault("DEMO_DATABASE_PORT", "5432")
os.environ.setdefault("DEMO_MEMCACHED_PORT", "11211")

from shop.settings import *  # noqa: E402,F401,F403
from shop.settings import CACHES, DATABASES, LOGGING  # noqa: E402

ALLOWED_HOSTS = ["*"]
DATABASES["default"]["HOST"] = os.environ["DEMO_DATABASE_HOST"]
# A pod that is gone refuses nobody, it is silent: without a limit every page that asks the database holds its worker.
DATABASES["default"]["OPTIONS"] = {"connect_timeout": 2}
CACHES["default"]["LOCATION"] = os.environ["DEMO_MEMCACHED_HOST"] + ":" + os.environ["DEMO_MEMCACHED_PORT"]
# Django's own handler of errors (mail_admins) asks the database for the user of a failed request, and holds its lock meanwhile: in an
# outage the failing pages of a process would wait for each other, each for its connect_timeout.
LOGGING["loggers"] = {"django": {"handlers": [], "level": "INFO"}}
