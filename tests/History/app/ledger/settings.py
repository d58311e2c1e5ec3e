"""The demo's settings with an app of more operations, and a cache client that fails aloud.

pymemcache by default drops sets and deletes silently for a second after an error, and stays away for a minute. A stock
logout would then be acknowledged although the engine's cache entry stays: that would be judged as ours.
"""
from shop.settings import *  # noqa: F401,F403
from shop.settings import CACHES, DATABASES

ROOT_URLCONF = "ledger.urls"
WSGI_APPLICATION = "ledger.wsgi.application"
CACHES["default"]["OPTIONS"] = {"connect_timeout": 0.5, "timeout": 0.5, "retry_attempts": 0, "dead_timeout": 0.2}
# Connections outlive requests, so that a fault meets kept ones, but not the pause between two seeds.
DATABASES["default"]["CONN_MAX_AGE"] = 1
