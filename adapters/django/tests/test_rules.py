"""The session rules from end to end: an outage with reads, changes, logins and logouts, and the rows afterwards."""

import datetime

from django.core.cache import caches
from session_operator import runtime
from support.case import CACHED_DB, DB, AdapterTest, Browser
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE


class Rules(AdapterTest):
    def test_after_an_outage_the_rows_are_what_the_users_did(self):
        kept, changed, ended, moved = (self.browser(n="old") for _ in range(4))
        self.make_read_only()
        self.assertEqual(200, changed.page("write?n=new").status_code)
        self.assertEqual(200, kept.page("read").status_code)
        born = Browser()
        self.assertEqual(200, born.page("write?n=born").status_code)
        brief = Browser()
        self.assertEqual(200, brief.page("write?n=brief").status_code)
        brief_key = brief.key
        self.assertEqual(200, brief.page("flush").status_code)
        ended_key = ended.key
        self.assertEqual(200, ended.page("flush").status_code)
        self.assertEqual(200, moved.page("expiry?n=%d" % (90 * 86400)).status_code)
        self.make_writable()
        # Drain: the app still goes to the sidecar, which brings the rows up to date meanwhile.
        self.sidecar.switch(DRAIN, READABLE)
        self.assertEqual("new", changed.page("read").json()["n"])
        self.assertEqual(200, changed.page("write?n=newer").status_code)
        self.sidecar.replay(self.postgres)
        self.sidecar.switch(NORMAL)
        for browser, value in ((kept, "old"), (changed, "newer"), (born, "born")):
            self.assertEqual(value, self.row(browser.key)["n"])
            self.assertEqual(value, browser.page("read").json()["n"])
        for key in (ended_key, brief_key):
            self.assertIsNone(self.row(key))
        (expires,) = self.postgres.execute(
            "SELECT expire_date FROM django_session WHERE session_key = %s", moved.key
        )[0]
        self.assertGreater(expires, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=89))

    def test_a_cookie_survives_whatever_is_away(self):
        """S6: no response drops or replaces it, and the row is never overwritten with nothing."""
        for engine in (CACHED_DB, DB):
            from django.test import override_settings

            with override_settings(SESSION_ENGINE=engine):
                browser = self.browser(n="1")
                key = browser.key
                caches["default"].clear()
                self.postgres.stop()
                for mode, flags in ((NORMAL, 0), (CACHE, 0), (CACHE, READABLE), (DRAIN, 0)):
                    for path in ("read", "plain", "write?n=2", "user"):
                        self.sidecar.switch(mode, flags)
                        self.sidecar.records.clear()
                        response = browser.page(path)
                        self.assertIn(response.status_code, (200, 503), (engine, mode, path))
                        self.assertEqual({}, dict(response.cookies), (engine, mode, path))
                        self.assertEqual({}, self.sidecar.records, (engine, mode, path))
                self.postgres.start()
                self.sidecar.switch(NORMAL)
                self.assertEqual("1", browser.page("read").json()["n"])
                self.assertEqual(key, browser.key)

    def test_our_own_503_saves_nothing(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE, READABLE)
        self.sidecar.replaced["/v1/delete"] = lambda body: (200, {"status": "refused", "reason": "x"})
        response = browser.page("flush")
        self.assertEqual((503, {}), (response.status_code, dict(response.cookies)))
        self.assertEqual([], self.sidecar.asked("/v1/save"))
        self.assertIn(b"still logged in", response.content)
        # It may have come into effect: the cache, or the sidecar, went away over it.
        for answer in ((200, {"status": "refused", "reason": "x", "uncertain": True}), (500, {"error": {"code": "internal"}}), (200, [])):
            self.sidecar.replaced["/v1/delete"] = lambda body, answer=answer: answer
            response = browser.page("flush")
            self.assertEqual(503, response.status_code)
            self.assertIn(b"not known", response.content)
            self.assertNotIn(b"still logged in", response.content)
        self.assertEqual("no-store", response["Cache-Control"])

    def test_no_session_id_in_any_log(self):
        browser = self.browser(n="1")
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "refused", "reason": "full"})
        self.make_read_only()
        with self.assertLogs("session_operator", "DEBUG") as logs:
            browser.page("write?n=2")
            browser.page("read")
            self.sidecar.kill()
            browser.page("write?n=2")
        self.assertNotIn(browser.key, "\n".join(logs.output))

    def test_hello_describes_the_app(self):
        self.browser()
        self.sidecar.log.clear()
        runtime.announce()
        (said,) = self.sidecar.asked("/v1/hello")
        self.assertEqual("postgresql", said["database"]["kind"])
        self.assertEqual(self.postgres.port, said["database"]["port"])
        self.assertEqual(("127.0.0.1", "postgres", "app"), tuple(said["database"][n] for n in ("host", "name", "user")))
        self.assertEqual(
            {
                "table": "django_session", "keyColumn": "session_key", "dataColumn": "session_data",
                "expiryColumn": "expire_date",
                "sentinel": {"session_data": "", "expire_date": "1971-01-01T00:00:00.000000Z"},
            },
            said["store"],
        )
        self.assertEqual(
            {"kind": "memcached", "servers": ["127.0.0.1:%d" % self.memcached.port], "keyPrefix": ""},
            {name: said["cache"][name] for name in ("kind", "servers", "keyPrefix")},
        )
        self.assertEqual(("django", 1, "cached_db"), (said["framework"], said["api"], said["engine"]))


class RulesLocalTime(AdapterTest):
    """USE_TZ off: naive local times, as many old apps have them."""

    settings = {"USE_TZ": False, "TIME_ZONE": "America/New_York"}

    def test_expiry_survives_the_way_through_the_sidecar(self):
        for engine_reads in ("record", "row"):
            browser = self.browser(n="1")
            self.sidecar.switch(CACHE, READABLE)
            self.assertEqual(200, browser.page("write?n=2").status_code)
            self.assertEqual("2", browser.page("read").json()["n"])
            sent = self.sidecar.asked("/v1/save")[0]["expires"]
            until = datetime.datetime.strptime(sent, "%Y-%m-%dT%H:%M:%S.%fZ") - datetime.datetime.utcnow()
            self.assertTrue(datetime.timedelta(days=13) < until < datetime.timedelta(days=14, minutes=1), until)
            self.sidecar.replay(self.postgres)
            days = self.postgres.execute("SELECT extract(epoch FROM expire_date - now()) / 86400 FROM django_session")
            self.assertAlmostEqual(14, float(days[0][0]), 2)
            self._heal()
