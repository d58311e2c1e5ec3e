"""Outages as users meet them: sessions are read, changed, born and ended in them, and the rows are compared afterwards."""

import json
import time

from django.contrib.sessions.backends.db import SessionStore

from support import servers
from support.served import DEADLINE, Browser
from support.sidecar import NORMAL


class Outage:
    """Mixed into a TestCase that has `app` (a ServedApp) and `rows()` (session key -> session_data)."""

    views = ""  # "async/" for the asynchronous ones

    def begin(self):
        """Four users with a session each, saved by the engine."""
        servers.wait_until(self.normal, 40, "the sidecar is in Normal, with nothing of an earlier test")
        self.changed, self.kept, self.ended, self.nested = (self.app.browser() for _ in range(4))
        for browser in (self.changed, self.kept, self.ended):
            self.ok(browser, "write?n=1")
        self.ok(self.nested, "items")
        self.app.knows_the_sidecar()
        self.assertEqual(NORMAL, self.app.sidecar.mode())

    def live_through(self):
        """What everybody does while the database cannot be written."""
        started = time.monotonic()
        self.ok(self.changed, "write?n=2")
        # The request that meets the outage waits for the deadline and one probe at most.
        self.assertLess(time.monotonic() - started, DEADLINE / 1000 + 2)
        self.assertNotEqual(NORMAL, self.app.sidecar.mode())
        self.assertEqual("2", self.n(self.changed))
        self.assertEqual("1", self.n(self.kept))
        self.born = self.app.browser()
        self.ok(self.born, "write?n=born")
        self.ok(self.born, "write?n=grown")
        self.ok(self.nested, "nested?n=1")
        self.ended_key = self.ended.key
        self.ok(self.ended, "flush")
        self.assertIsNone(self.n(self.stale()))

    def compare(self):
        """After the fault is healed: once the sidecar says Normal the rows are what the users did, and the app says the same."""
        servers.wait_until(self.normal, 40, "the sidecar is back in Normal with nothing unsaved")
        rows = self.rows()
        for browser, expected in (
            (self.changed, {"n": "2"}), (self.kept, {"n": "1"}), (self.born, {"n": "grown"}), (self.nested, {"items": ["1"]})
        ):
            self.assertEqual(expected, SessionStore().decode(rows[browser.key]))
        self.assertNotIn(self.ended_key, rows)
        self.assertEqual("2", self.n(self.changed))
        self.assertIsNone(self.n(self.stale()))
        self.ok(self.changed, "write?n=3")
        self.assertEqual({"n": "3"}, SessionStore().decode(self.rows()[self.changed.key]))

    def normal(self):
        return self.app.sidecar.mode() == NORMAL and self.app.sidecar.status()["unsaved"] == 0

    def stale(self):
        """Somebody who still has the cookie of the session that was ended."""
        return Browser(self.app.port, sessionid=self.ended_key)

    def ok(self, browser, path):
        page = browser.page(self.views + path)
        if page.status != 200:
            self.fail("%s: %s%s" % (path, page, self.app.log_end()))
        return page

    def n(self, browser):
        return json.loads(self.ok(browser, "read").body)["n"]


class CustomOutage(Outage):
    """With a store that has columns of its own; `columns(key, names)` gives those of one row, `database` can be stopped."""

    table = "custom_session"
    # Those that tell who, not when.
    names = ["account_no", "address", "token", "device", "share", "since", "trusted", "idle", "extra", "note"]

    def born_rows_have_every_column(self):
        stock, born, grown = (self.app.browser() for _ in range(3))
        self.ok(stock, "account?n=7")
        shown = json.loads(self.ok(stock, "account").body)
        self.database.stop()
        self.live_through()
        self.ok(born, "account?n=7")
        self.ok(grown, "account?n=3")
        self.ok(grown, "account?n=7")
        for browser in (born, grown):
            seen = json.loads(self.ok(browser, "account").body)
            self.assertEqual((7, 7, 7), (seen["loaded"], seen["account"], seen["extra"]["account"]))
        self.database.start()
        self.compare()
        expected = self.columns(stock.key, self.names)
        self.assertNotIn(None, expected[:1] + expected[2:])
        for browser in (born, grown):
            self.assertEqual(expected, self.columns(browser.key, self.names))
            self.assertNotIn(None, self.columns(browser.key, ["created_at", "updated_at"]))
        self.assertEqual(7, shown["loaded"])
