"""Sessions born in the fallback of another pod, met by one that has not heard of the outage: there is no row, and Normal is in force."""

from support.case import DB, AdapterTest

from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import caches
from support.sidecar import CACHE, NORMAL, READABLE


class BornElsewhere(AdapterTest):
    def forget_entry(self, key):
        caches["default"].delete("django.contrib.sessions.cached_db" + key)

    def saved_without_row(self, key):
        store = self.store(key)
        store["n"] = "3"
        self.postgres.execute("DELETE FROM django_session")
        self.sidecar.switch(NORMAL)
        store.save()

    def born(self, **data):
        """A browser with a session that another pod has created a moment ago; here the mode is Normal."""
        self.sidecar.switch(CACHE)
        browser = self.browser(**data)
        self.assertIsNone(self.row(browser.key))
        self.sidecar.switch(NORMAL)
        return browser

    def test_it_is_served(self):
        for prefix in ("", "async/"):
            browser = self.born(n="1")
            key = browser.key
            self.forget_entry(key)
            self.assertEqual("1", browser.page(prefix + "read").json()["n"])
            self.assertEqual(key, browser.key)

    def test_a_change_of_it_is_kept(self):
        for prefix in ("", "async/"):
            browser = self.born(n="1")
            key = browser.key
            self.assertEqual(200, browser.page(prefix + "write?n=2").status_code)
            self.assertEqual("2", browser.page("read").json()["n"])
            self.sidecar.replay(self.postgres)
            self.sidecar.switch(NORMAL)
            self.assertEqual({"n": "2"}, self.row(key))

    def test_one_that_is_nowhere_is_none_as_in_stock(self):
        browser = self.browser(n="1")
        self.postgres.execute("DELETE FROM django_session")
        self.forget_entry(browser.key)
        self.assertIsNone(browser.page("read").json()["n"])

    def test_one_that_had_a_row_was_ended(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE, READABLE)
        self.assertEqual(200, browser.page("write?n=2").status_code)
        with self.assertRaises(UpdateError):
            self.saved_without_row(browser.key)
        self.assertIsNone(browser.page("read").json()["n"])

    def test_a_sidecar_that_gives_no_answer_leaves_it_to_stock(self):
        browser = self.browser(n="1")
        self.sidecar.replaced["/v1/load"] = lambda body: (500, {"error": {"code": "internal", "message": ""}})
        with self.assertRaises(UpdateError):
            self.saved_without_row(browser.key)
        self.assertIsNone(browser.page("read").json()["n"])


class BornElsewhereDb(BornElsewhere):
    engine = DB
