"""Settings for Django's own tests: sqlite as they come, or PostgreSQL and memcached; and what a sidecar needs beforehand."""

import os
import time

from django.test.runner import DiscoverRunner

SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "support.own.settings.Runner"
MODE = os.environ.get("OWN_MODE")  # the page's mode while the tests run; none without a sidecar

if os.environ["OWN_DATABASE"] != "sqlite":
    DATABASES = {
        alias: {
            "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": os.environ["TEST_PG_PORT"],
            "NAME": "own_" + alias, "USER": "app",
        }
        for alias in ("default", "other")
    }
    for _database in DATABASES.values():
        _database["TEST"] = {"NAME": "test_%s_%d" % (_database["NAME"], os.getpid())}
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": "127.0.0.1:" + os.environ["TEST_MEMCACHED_PORT"],
            "KEY_PREFIX": "own%d" % os.getpid(),
        }
    }
    if os.environ["OWN_DATABASE"] == "postgresql, cache of its own":  # which nobody else sees, so the fallback is SkipSave
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
else:
    DATABASES = {alias: {"ENGINE": "django.db.backends.sqlite3"} for alias in ("default", "other")}


class Runner(DiscoverRunner):
    """Begins once the sidecar knows the app and the page has the wanted mode, and checks that it still has it at the end."""

    def run_suite(self, suite, **kwargs):
        if MODE is None:
            return super().run_suite(suite, **kwargs)
        from django.contrib.sessions.backends.db import SessionStore

        from session_operator import runtime

        SessionStore().exists("x" * 32)
        wait_until(lambda: runtime._announced is not None, "the sidecar knows this app")
        if MODE != "0":
            runtime.ask("/v1/report", {"verdict": "read_only", "detail": "InternalError", "retried": False})
        wait_until(lambda: self.mode() == int(MODE), "mode " + MODE)
        result = super().run_suite(suite, **kwargs)
        if self.mode() != int(MODE):
            raise AssertionError("the mode has become %d" % self.mode())
        return result

    def teardown_databases(self, old_config, **kwargs):
        """They end with their server: a probe of the sidecar may hold one just now."""

    def mode(self):
        from session_operator import runtime

        return runtime.current().words[1] & 0xFF


def wait_until(condition, what):
    ends = time.monotonic() + 20
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError("not reached: " + what)
        time.sleep(0.02)
