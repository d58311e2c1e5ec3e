"""Each kind of server that people run Django under lives through an outage: its processes, threads, green threads and event loops."""

import concurrent.futures
import time

from support.case import CACHED_DB, DB, AdapterTest
from support.outage import Outage
from support.served import DEADLINE, ServedApp
from support.sidecar import NORMAL

CONNECTING = 2  # seconds the driver may take to connect to a frozen server: whole ones, and at least two
AT_ONCE = 8


class ReadOnly(Outage):
    """Mixed into one class for each server: what every engine lives through."""

    engine_of_app = CACHED_DB

    @classmethod
    def setUpClass(cls):
        cls.app = ServedApp(cls.server, TEST_ENGINE=cls.engine_of_app)
        cls.addClassCleanup(cls.app.stop)
        cls.app.start()

    def setUp(self):
        super().setUp()
        self.begin()

    def rows(self):
        return dict(self.postgres.execute("SELECT session_key, session_data FROM django_session"))

    def test_read_only(self):
        leaver, comer = self.app.browser(), self.app.browser()
        self.ok(leaver, "login")
        left_key = leaver.key
        self.postgres.read_only(True)
        self.live_through()
        self.ok(comer, "login")
        self.assertEqual("ada", self.ok(comer, "user").body)
        self.ok(leaver, "logout")
        self.postgres.read_only(False)
        self.compare()
        self.assertEqual("ada", self.ok(comer, "user").body)
        self.assertIn(comer.key, self.rows())
        self.assertNotIn(left_key, self.rows())


class Server(ReadOnly):
    """What an app with a cache lives through, too."""

    def test_stop(self):
        self.postgres.stop()
        self.live_through()
        self.postgres.start()
        self.compare()

    def test_a_frozen_database_holds_all_requests_together_once(self):
        browsers = [self.app.browser() for _ in range(AT_ONCE)]
        self.all_at_once(browsers, "write?n=1")
        self.postgres.freeze()
        self.assertLess(self.all_at_once(browsers, "write?n=2"), max(DEADLINE / 1000, CONNECTING) + 1.5)
        self.assertNotEqual(NORMAL, self.app.sidecar.mode())
        # From here on nobody touches the database: not even a deadline's time for all of them.
        self.assertLess(self.all_at_once(browsers, "write?n=3"), DEADLINE / 1000)
        self.live_through()
        self.postgres.thaw()
        self.compare()
        for browser in browsers:
            self.assertEqual("3", self.row(browser.key)["n"])

    def all_at_once(self, browsers, path):
        """Seconds until the last one has its page."""
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(browsers)) as pool:
            pages = list(pool.map(lambda browser: browser.page(self.views + path), browsers))
        took = time.monotonic() - started
        self.assertEqual([200] * len(browsers), [page.status for page in pages], pages)
        return took


class GunicornSync(Server, AdapterTest):
    server = "sync"


class GunicornThreads(Server, AdapterTest):
    server = "gthread"


class GunicornGevent(Server, AdapterTest):
    server = "gevent"


class GunicornPreload(Server, AdapterTest):
    server = "preload"


class Uvicorn(Server, AdapterTest):
    server = "uvicorn"


class UvicornAsyncViews(Server, AdapterTest):
    server = "uvicorn"
    views = "async/"


class DaphneAsyncViews(Server, AdapterTest):
    server = "daphne"
    views = "async/"


class GunicornThreadsDb(ReadOnly, AdapterTest):
    server = "gthread"
    engine_of_app = DB


class UvicornAsyncViewsDb(ReadOnly, AdapterTest):
    server = "uvicorn"
    views = "async/"
    engine_of_app = DB
