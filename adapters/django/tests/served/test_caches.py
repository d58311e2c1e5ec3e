"""The caches that people keep sessions in, as Django's own clients reach them, under a real app and the real sidecar."""

import json
import urllib.parse

from support.case import AdapterTest
from support.outage import Outage
from support.served import ServedApp
from support.servers import Memcached, Redis

BACKENDS = "django.core.cache.backends."
# The client would give a server up for a minute after one error.
AT_ONCE = {"ignore_exc": False, "dead_timeout": 0, "retry_attempts": 0, "retry_timeout": 0}


class SharedCache(Outage):
    """Mixed into one class for each cache; `make_servers` starts what `configured` needs."""

    alias = "default"

    @classmethod
    def setUpClass(cls):
        cls.caches = cls.make_servers()
        for server in cls.caches:
            cls.addClassCleanup(server.stop)
            server.start()
        cls.app = ServedApp("gthread", TEST_CACHES=json.dumps(cls.configured()), TEST_CACHE_ALIAS=cls.alias)
        cls.addClassCleanup(cls.app.stop)
        cls.app.start()

    def setUp(self):
        super().setUp()
        for server in self.caches:
            if server.process is None:
                server.start()
        self.begin()
        self.assertEqual(("Cache", ""), tuple(self.app.sidecar.status()[name] for name in ("fallback", "limit")))

    def rows(self):
        return dict(self.postgres.execute("SELECT session_key, session_data FROM django_session"))

    def test_stop(self):
        self.postgres.stop()
        self.live_through()
        self.postgres.start()
        self.compare()

    def test_read_only(self):
        self.app.restart().knows_the_sidecar()
        leaver, comer = self.app.browser(), self.app.browser()
        self.ok(leaver, "login")
        left_key = leaver.key
        self.postgres.read_only(True)
        self.live_through()
        self.ok(comer, "login")
        self.ok(leaver, "logout")
        leaver.cookies["sessionid"] = left_key
        self.assertEqual("anonymous", self.ok(leaver, "user").body)
        self.postgres.read_only(False)
        self.compare()
        self.assertEqual("ada", self.ok(comer, "user").body)
        self.assertNotIn(left_key, self.rows())

    def test_a_cache_that_goes_away_in_the_outage_and_comes_back_empty(self):
        self.postgres.stop()
        self.live_through()
        self.caches[0].stop()
        self.ok(self.kept, "write?n=1")  # this pod is the only one: its journal is enough
        self.assertEqual("1", self.n(self.kept))
        self.assertEqual("2", self.n(self.changed))
        self.assertIsNone(self.n(self.stale()))
        self.caches[0].start()
        self.assertEqual("2", self.n(self.changed))
        self.assertIsNone(self.n(self.stale()))
        self.postgres.start()
        self.compare()


class RedisUnderAnotherAlias(SharedCache, AdapterTest):
    """Sessions in a cache of their own, with a prefix and a version of its keys."""

    alias = "sessions"

    @classmethod
    def make_servers(cls):
        return [Redis()]

    @classmethod
    def configured(cls):
        server = cls.caches[0]
        return {
            "default": {"BACKEND": BACKENDS + "locmem.LocMemCache"},
            "sessions": {
                "BACKEND": BACKENDS + "redis.RedisCache", "KEY_PREFIX": "shop", "VERSION": 2,
                "LOCATION": "redis://:%s@127.0.0.1:%d/3" % (urllib.parse.quote(server.password, ""), server.port),
            },
        }


class TwoMemcached(SharedCache, AdapterTest):
    @classmethod
    def make_servers(cls):
        return [Memcached(), Memcached()]

    @classmethod
    def configured(cls):
        return {
            "default": {
                "BACKEND": BACKENDS + "memcached.PyMemcacheCache", "OPTIONS": AT_ONCE,
                "LOCATION": ["127.0.0.1:%d" % server.port for server in cls.caches],
            }
        }
