"""The base of the tests: one PostgreSQL, one memcached and one fake sidecar for the whole run, clean before each test."""

import importlib
import logging
import os
import unittest

from support import servers
from support.sidecar import NORMAL, FakeSidecar

servers.start_all()
os.environ["TEST_PG_PORT"] = str(servers.postgres.port)
os.environ["TEST_MEMCACHED_PORT"] = str(servers.memcached.port)
os.environ["SESSION_OPERATOR_DIR"] = os.path.join(servers.ROOT, "run")
os.mkdir(os.environ["SESSION_OPERATOR_DIR"])

import django  # noqa: E402

django.setup()
# Provoked failures fill no screen; assertLogs still sees them.
logging.getLogger().addHandler(logging.NullHandler())
for name in ("django", "session_operator"):
    logging.getLogger(name).handlers = []

from django.conf import settings  # noqa: E402
from django.core.cache import caches  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import close_old_connections, connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from session_operator import client as sidecar_client  # noqa: E402
from session_operator import runtime  # noqa: E402

call_command("migrate", verbosity=0)
driver, expected = type(connection.connection).__module__.partition(".")[0], os.environ.get("TEST_DRIVER", "psycopg2")
if driver != expected:
    raise AssertionError("these tests are to run with %s, and run with %s" % (expected, driver))
from django.contrib.auth.models import User  # noqa: E402

User.objects.create_user("ada", password="secret")
sidecar = FakeSidecar(os.environ["SESSION_OPERATOR_DIR"])
sidecar.start()

DB = "django.contrib.sessions.backends.db"
CACHED_DB = "django.contrib.sessions.backends.cached_db"


class Browser(Client):
    """Keeps its cookies, and gives back 500s as responses, as a server would."""

    def __init__(self):
        super().__init__(enforce_csrf_checks=True, raise_request_exception=False)

    def page(self, path):
        return self._visit(self.get, path)

    def send(self, path, **fields):
        return self._visit(self.post, path, fields)

    def _visit(self, method, path, *arguments):
        close_old_connections()  # a request's boundary; Django's test client leaves it out
        response = method("/" + path, *arguments)
        close_old_connections()
        return response

    @property
    def key(self):
        cookie = self.cookies.get(settings.SESSION_COOKIE_NAME)
        return cookie.value if cookie is not None else None


class AdapterTest(unittest.TestCase):
    engine = CACHED_DB
    settings = {}

    def setUp(self):
        self.postgres, self.memcached, self.sidecar = servers.postgres, servers.memcached, sidecar
        overridden = override_settings(SESSION_ENGINE=self.engine, **self.settings)
        overridden.enable()
        self.addCleanup(overridden.disable)
        self.addCleanup(self._heal)
        self._heal()

    def _heal(self):
        self.postgres.thaw()
        if self.postgres.process is None:
            self.postgres.start()
        self.postgres.read_only(False)
        if self.memcached.process is None:
            self.memcached.start()
        connection.close()
        self.postgres.execute("DELETE FROM django_session")
        for cache in caches.all():
            cache.close()
        caches["default"].clear()
        self.sidecar.reset()
        if self.sidecar.server is not None and not self.sidecar.beating:
            self.sidecar.kill()
        if self.sidecar.server is None:
            self.sidecar.start()
        self.sidecar.beat()
        sidecar_client.reset()
        runtime._served = None  # another SESSION_ENGINE in each test
        runtime.look()

    # faults

    def make_read_only(self):
        self.postgres.read_only(True)
        servers.wait_until(
            lambda: self._shown("transaction_read_only") == "on", what="the app's own connection is read-only"
        )

    def make_writable(self):
        self.postgres.read_only(False)
        servers.wait_until(
            lambda: self._shown("transaction_read_only") == "off", what="the app's own connection is writable"
        )

    def _shown(self, name):
        with connection.cursor() as cursor:
            cursor.execute("SHOW " + name)
            return cursor.fetchone()[0]

    # what is stored

    def store(self, key=None):
        return importlib.import_module(settings.SESSION_ENGINE).SessionStore(key)

    def row(self, key):
        """The session as the database has it, or None."""
        rows = self.postgres.execute("SELECT session_data FROM django_session WHERE session_key = %s", key)
        return self.store().decode(rows[0][0]) if rows else None

    def cached(self, key):
        """The session as the engine's own cache entry has it, or None."""
        return caches["default"].get("django.contrib.sessions.cached_db" + key)

    def browser(self, **data):
        """A browser with a session that holds `data`, saved by the engine in Normal."""
        store = self.store()
        store.update(data or {"n": "0"})
        store.save()
        browser = Browser()
        browser.cookies[settings.SESSION_COOKIE_NAME] = store.session_key
        return browser

    def logged_in(self):
        browser = Browser()
        self.assertEqual(200, browser.page("login").status_code)
        return browser

    def recover(self, browser, n):
        self.make_writable()
        self.sidecar.replay(self.postgres)
        self.assertEqual(n, self.row(browser.key)["n"])
        self.sidecar.switch(NORMAL)
        self.assertEqual(n, browser.page("read").json()["n"])

    def cut_the_apps_connection(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        self.postgres.execute("SELECT pg_terminate_backend(%s, 5000)", pid)
