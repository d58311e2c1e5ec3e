"""Two pods whose clocks are five seconds apart write the same sessions in turn, all through an outage: the last acknowledged write wins."""

import datetime
import json
import os
import shutil
import subprocess
import unittest

from django.contrib.sessions.backends.db import SessionStore
from support import servers
from support.program import Operator
from support.served import ServedApp
from support.sidecar import CACHE, NORMAL

import support.case  # noqa: F401  the tables and the user

AHEAD = 5  # seconds
COMPILER = shutil.which("cc") or "clang"


class TwoPods(unittest.TestCase):
    """Nothing is cleaned between its tests: a cache that loses its content is another story."""

    @classmethod
    def setUpClass(cls):
        clock = os.path.join(servers.ROOT, "clock.so")
        source = os.path.join(os.path.dirname(__file__), "../support/clock.c")
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", clock, source, "-ldl"], check=True)
        cls.home = os.path.join(servers.ROOT, "two-pods")
        os.mkdir(cls.home)
        cls.operator = Operator(cls.home)
        cls.addClassCleanup(cls.operator.stop)
        cls.operator.start()
        cls.late = ServedApp("gthread", cls.operator)
        cls.early = ServedApp("gthread", cls.operator, LD_PRELOAD=clock, CLOCK_AHEAD=str(AHEAD))
        for pod in (cls.late, cls.early):
            cls.addClassCleanup(pod.stop)
            pod.start()

    def setUp(self):
        self.pods = (self.late, self.early)
        for pod in self.pods:
            pod.knows_the_sidecar()
        servers.wait_until(lambda: self.all_in(NORMAL, "Writable"), 30, "both sidecars know a writable database")

    def all_in(self, mode, phase):
        said = [pod.sidecar.status() for pod in self.pods]
        return all(pod.sidecar.mode() == mode for pod in self.pods) and all(
            status["phase"] == phase and status["connected"] and not status["autonomous"] for status in said
        )

    def test_the_clocks_are_apart(self):
        late, early = (float(pod.browser().page("clock").body) for pod in self.pods)
        self.assertAlmostEqual(AHEAD, early - late, delta=2)
        # A sidecar's own clock is in the lines that it writes.
        logged = []
        for pod in self.pods:
            with open(pod.sidecar.log.name) as log:
                first = log.readline().split()[0]
            logged.append(datetime.datetime.strptime(first, "%Y-%m-%dT%H:%M:%S.%fZ"))
        began = [datetime.datetime.utcfromtimestamp(os.stat(os.path.join(pod.sidecar.directory, "api.sock")).st_mtime) for pod in self.pods]
        shown = [(written - real).total_seconds() for written, real in zip(logged, began)]
        self.assertAlmostEqual(0, shown[0], delta=2)
        self.assertAlmostEqual(AHEAD, shown[1], delta=2)

    def test_the_last_acknowledged_write_wins(self):
        self.outage(servers.postgres.stop, servers.postgres.start)

    def test_the_last_acknowledged_write_wins_while_the_database_is_read_only(self):
        self.outage(lambda: servers.postgres.read_only(True), lambda: servers.postgres.read_only(False))

    def outage(self, begin, end):
        """Session n is written by both pods in turn, the last time by pod n % 2."""
        browsers = [self.late.browser() for _ in range(6)]
        expected = [None] * len(browsers)
        counter = 0
        gone = self.late.browser()
        self.page(self.late, gone, "write?n=0")
        gone_key = gone.key

        def write(number, pod):
            nonlocal counter
            counter += 1
            self.page(self.pods[pod], browsers[number], "write?n=%d" % counter)
            expected[number] = str(counter)

        for number in range(4):  # the others are born in the outage
            write(number, number % 2)
        begin()
        write(0, 0)
        servers.wait_until(lambda: self.all_in(CACHE, "Unwritable"), 20, "both sidecars are in Cache by the operator's word")
        for turn in range(1, 5):
            for number in range(len(browsers)):
                write(number, (number + turn) % 2)
                for pod in self.pods:
                    self.assertEqual(expected[number], self.n(pod, browsers[number]))
        # The pod that is behind ends a session that the one ahead has just written.
        self.page(self.early, gone, "write?n=1")
        self.page(self.late, gone, "flush")
        gone.cookies["sessionid"] = gone_key
        for pod in (self.early, self.late):
            self.assertIsNone(self.n(pod, gone))
            gone.cookies["sessionid"] = gone_key
        end()
        servers.wait_until(
            lambda: self.all_in(NORMAL, "Writable") and not any(pod.sidecar.status()["unsaved"] for pod in self.pods), 60, "Normal again"
        )
        for number, browser in enumerate(browsers):
            self.assertEqual([expected[number]], [data["n"] for data in self.rows(browser.key)], number)
        self.assertEqual([], self.rows(gone_key))
        for number, browser in enumerate(browsers):
            for pod in self.pods:
                self.assertEqual(expected[number], self.n(pod, browser))

    def rows(self, key):
        found = servers.postgres.execute("SELECT session_data FROM django_session WHERE session_key = %s", key)
        return [SessionStore().decode(data) for data, in found]

    def page(self, pod, browser, path):
        browser.port = pod.port
        page = browser.page(path)
        if page.status != 200:
            self.fail("%s: %s%s" % (path, page, pod.log_end()))
        return page

    def n(self, pod, browser):
        return json.loads(self.page(pod, browser, "read").body)["n"]
