"""Normal: on the wire it is stock Django, and in the process next to nothing."""

import json
import os
import re
import subprocess
import sys
import time

from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from session_operator import runtime
from support.case import CACHED_DB, DB, AdapterTest, Browser


def cost(step):
    """Seconds that one step takes when nothing disturbs it."""
    best = 1.0
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(500):
            step()
        best = min(best, (time.perf_counter() - started) / 500)
    return best


def encoding(store):
    """Seconds that Django takes to serialise and sign a small session, as it does with every save."""
    return cost(lambda: store.encode({"counter": 1}))


class StockWhenIdle(AdapterTest):
    def test_statements_and_cache_commands_are_those_of_stock(self):
        for engine in (CACHED_DB, DB):
            with self.settings_of(engine):
                ours = self.trace()
                self.sidecar.kill()
                os.rename(self.sidecar.page_path, self.sidecar.page_path + ".away")
                runtime.look()
                self.assertIsNone(runtime.current())
                stock = self.trace()
                os.rename(self.sidecar.page_path + ".away", self.sidecar.page_path)
                self.sidecar.start()
                runtime.look()
                self.assertEqual(stock, ours)
                self.assertGreater(len(ours), 10)

    def settings_of(self, engine):
        from django.test import override_settings

        return override_settings(SESSION_ENGINE=engine)

    def trace(self):
        """All statements and cache commands of a user's visit, with what changes from visit to visit left out."""
        commands = []
        cache = caches["default"]
        original = {}
        for name in ("get", "set", "add", "delete", "touch", "incr", "get_many", "set_many", "has_key"):
            original[name] = getattr(cache, name)

            def traced(*args, _name=name, **kwargs):
                commands.append(_name)
                return original[_name](*args, **kwargs)

            setattr(cache, name, traced)
        try:
            with CaptureQueriesContext(connection) as queries:
                browser = Browser()
                for path in ("login", "read", "write?n=1", "plain", "user", "explicit?n=2", "logout", "read"):
                    self.assertEqual(200, browser.get("/" + path).status_code, path)
        finally:
            for name in original:
                delattr(cache, name)
        return [re.sub(r"'[^']*'", "?", query["sql"]) for query in queries] + commands

    def test_nothing_is_sent_to_the_sidecar(self):
        browser = self.logged_in()
        for path in ("read", "write?n=1", "plain", "user", "logout"):
            self.assertEqual(200, browser.page(path).status_code)
        self.assertEqual([], [path for path, body in self.sidecar.log if path != "/v1/hello"])

    def test_class_name_salt_prefix_and_order_are_the_users(self):
        """Against a process without the adapter."""
        from django.contrib.sessions.backends import cached_db, db

        program = (
            "import django, json; django.setup()\n"
            "from django.contrib.sessions.backends import cached_db, db\n"
            "print(json.dumps([[s.__qualname__, s.__module__, s().key_salt, str(s.__mro__)] for s in"
            " (db.SessionStore, cached_db.SessionStore)] + [cached_db.KEY_PREFIX, cached_db.SessionStore.cache_key_prefix]))"
        )
        path = os.pathsep.join([os.getcwd()] + [p for p in os.environ.get("DJANGO_PATH", "").split(os.pathsep) if p])
        stock = json.loads(
            subprocess.run(
                [sys.executable, "-c", program], env=dict(os.environ, PYTHONPATH=path), check=True, stdout=subprocess.PIPE
            ).stdout
        )
        ours = [
            [store.__qualname__, store.__module__, store().key_salt, str(store.__mro__)]
            for store in (db.SessionStore, cached_db.SessionStore)
        ] + [cached_db.KEY_PREFIX, cached_db.SessionStore.cache_key_prefix]
        self.assertEqual(stock, ours)

    def test_cost_of_a_request_is_a_fraction_of_encoding_it(self):
        """What our wrappers add around methods that do nothing, for one load and one save."""
        from session_operator import stores

        class Nothing(self.store().__class__):
            def load(self):
                return {}

            def save(self, must_create=False):
                return None

        store = Nothing("x" * 32)
        plain_load, plain_save = Nothing.load.__wrapped__, Nothing.save.__wrapped__
        self.assertIn(Nothing.load, stores.ROUTED)

        ours = cost(lambda: (Nothing.load(store), Nothing.save(store)))
        plain = cost(lambda: (plain_load(store), plain_save(store)))
        self.assertLess(ours - plain, encoding(store) / 4)


class StockWhenIdleDb(AdapterTest):
    engine = DB

    def test_the_watch_around_a_database_call_costs_a_fraction_of_encoding_the_session(self):
        from session_operator import deadline
        from session_operator.connected import connections_of

        model, known = self.store().model, runtime.current()

        def watch():
            with deadline.Watch(connections_of(model), known):
                pass

        self.assertLess(cost(watch), encoding(self.store()) / 4)
