"""set_expiry in every form, and expiry at browser close: kept in the cookie, in the row and in the engine's cache entry, in each mode."""

import datetime
import socket

from support.case import DB, AdapterTest

import django
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE, SKIP_SAVE

AGE, LONG = 14 * 86400, 90 * 86400  # seconds: Django's default, and what the tests set
# form of set_expiry -> seconds the cookie lives (None: until the browser closes), seconds the row lives
FORMS = {"int": (LONG, LONG), "datetime": (LONG, LONG), "timedelta": (LONG, LONG), "0": (None, AGE), "none": (AGE, AGE)}
MODES = ((NORMAL, 0), (SKIP_SAVE, 0), (CACHE, READABLE), (CACHE, 0), (DRAIN, READABLE))
SLACK = 60
# JSON carries times from Django 4.1 on.
SERIALIZER = "JSONSerializer" if django.VERSION >= (4, 1) else "PickleSerializer"


class Expiry(AdapterTest):
    modes = MODES
    settings = {"SESSION_SERIALIZER": "django.contrib.sessions.serializers." + SERIALIZER}

    def test_each_form_in_each_mode(self):
        for mode, flags in self.modes:
            for form, (cookie, row) in FORMS.items():
                with self.subTest(mode=mode, flags=flags, form=form):
                    self._heal()
                    self.visit(mode, flags, form, cookie, row)

    def visit(self, mode, flags, form, cookie, row):
        browser = self.browser(n="1")
        if form == "none":  # what it takes back
            self.assertEqual(200, browser.page("expires?form=int").status_code)
        if mode == NORMAL:
            self.make_read_only()
        else:
            self.sidecar.switch(mode, flags)
        for path in ("expires?form=" + form, "read", "write?n=2", "read"):
            response = browser.page(path)
            self.assertEqual(200, response.status_code)
            self.assert_cookie(response, cookie)
            self.assert_entry(browser.key, row)
        said = browser.page("expiring").json()
        self.assertEqual(cookie is None, said["close"])
        self.assertAlmostEqual(row, said["age"], delta=SLACK)
        if mode == NORMAL:
            self.make_writable()
        if self.sidecar.records:
            self.assert_expires(browser.key, row)
        self.sidecar.replay(self.postgres)
        self.sidecar.switch(NORMAL)
        self.assert_row(browser.key, row)
        response = browser.page("read")
        self.assertEqual("2", response.json()["n"])
        self.assert_cookie(response, cookie)
        self.assert_row(browser.key, row)

    def assert_cookie(self, response, seconds):
        cookie = response.cookies["sessionid"]
        if seconds is None:
            self.assertEqual(("", ""), (cookie["max-age"], cookie["expires"]))
        else:
            self.assertAlmostEqual(seconds, cookie["max-age"], delta=SLACK)

    def assert_expires(self, key, seconds):
        """The record's own expiry, by which the sidecar forgets it, and the one it writes into the row."""
        record = self.sidecar.records[key]
        for said in (record["expires"], record["columns"]["expire_date"]):
            until = datetime.datetime.strptime(said, "%Y-%m-%dT%H:%M:%S.%fZ") - datetime.datetime.utcnow()
            self.assertAlmostEqual(seconds, until.total_seconds(), delta=SLACK)

    def assert_row(self, key, seconds):
        seen = self.postgres.execute("SELECT extract(epoch FROM expire_date - now()) FROM django_session WHERE session_key = %s", key)
        self.assertAlmostEqual(seconds, float(seen[0][0]), delta=SLACK)

    def assert_entry(self, key, seconds):
        """The engine's own cache entry lives as long; what it may have left comes from memcached itself."""
        with socket.create_connection(("127.0.0.1", self.memcached.port)) as raw:
            raw.sendall(b"mg :1:django.contrib.sessions.cached_db%s t\r\n" % key.encode())
            answer = raw.recv(100)
        self.assertTrue(answer.startswith(b"HD t"), answer)
        left = int(answer[4:].split()[0])
        # Memcached takes what is longer than thirty days as a date.
        self.assertAlmostEqual(seconds, left, delta=SLACK)

    def test_an_optional_save_moves_a_sliding_expiry_and_no_fixed_one(self):
        for form, moves in (("int", True), ("datetime", False), ("timedelta", False)):
            self._heal()
            browser = self.browser(n="1")
            self.sidecar.switch(CACHE, READABLE)
            browser.page("expires?form=" + form)
            first = self.sidecar.asked("/v1/save")[-1]
            browser.page("read")
            second = self.sidecar.asked("/v1/save")[-1]
            self.assertEqual(("state", "optional"), (first["change"], second["change"]))
            self.assertEqual(moves, first["expires"] < second["expires"], form)

    def test_skipped_saves_keep_the_cookie_alive(self):
        browser = self.browser(n="1")
        self.sidecar.switch(SKIP_SAVE)
        self.postgres.execute("UPDATE django_session SET expire_date = now() + interval '1 hour'")
        self.assert_cookie(browser.page("read"), AGE)
        self.assert_row(browser.key, 3600)
        self.sidecar.switch(NORMAL)
        self.assert_cookie(browser.page("read"), AGE)
        self.assert_row(browser.key, AGE)


class ExpiryDb(Expiry):
    engine = DB
    modes = [mode for mode in MODES if mode != (CACHE, 0)]  # with nothing in a cache and a stopped database there is no session

    def assert_entry(self, key, seconds):
        """There is none."""


class AtBrowserClose(Expiry):
    """The setting turned on: no form is a cookie until the browser closes, but those that name a time."""

    settings = dict(Expiry.settings, SESSION_EXPIRE_AT_BROWSER_CLOSE=True)

    def visit(self, mode, flags, form, cookie, row):
        super().visit(mode, flags, form, None if form == "none" else cookie, row)

    def test_skipped_saves_keep_the_cookie_alive(self):
        browser = self.browser(n="1")
        self.sidecar.switch(SKIP_SAVE)
        self.assert_cookie(browser.page("read"), None)
