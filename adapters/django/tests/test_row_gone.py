"""The row is gone and the engine's cache entry is left (a failover lost it, an admin deleted it): one genuine error, then a fresh start."""

from support.case import DB, AdapterTest

from django.contrib.sessions.backends.base import UpdateError
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE, SKIP_SAVE


class RowGone(AdapterTest):
    def lose_the_row(self):
        self.postgres.execute("DELETE FROM django_session")

    def assert_anonymous_after_one_error(self, browser, read="read", write="write?n=2"):
        key = browser.key
        self.assertEqual(400, browser.page(write).status_code)
        self.assertIsNone(self.cached(key))
        response = browser.page(read)
        self.assertEqual((200, None), (response.status_code, response.json()["n"]))
        self.assertEqual(200, browser.page(write).status_code)
        self.assertNotEqual(key, browser.key)
        self.assertEqual({"n": "2"}, self.row(browser.key))
        self.assertIsNone(self.row(key))

    def test_in_normal(self):
        for prefix in ("", "async/"):
            browser = self.browser(n="1")
            self.lose_the_row()
            self.assert_anonymous_after_one_error(browser, prefix + "read", prefix + "write?n=2")
        self.assertEqual([], self.sidecar.asked("/v1/report"))

    def test_in_skip_save(self):
        browser = self.browser(n="1")
        self.lose_the_row()
        self.sidecar.switch(SKIP_SAVE)
        self.assert_anonymous_after_one_error(browser)
        self.assertEqual([], self.sidecar.asked("/v1/report"))

    def test_after_a_failover_that_lost_it(self):
        """Nobody used the session in the outage; the server that took over never had its row."""
        for mode, flags in ((CACHE, READABLE), (CACHE, 0), (DRAIN, READABLE)):
            with self.subTest(mode=mode, flags=flags):
                self._heal()
                browser, other = self.browser(n="1"), self.browser(n="1")
                self.sidecar.switch(mode, flags)
                self.assertEqual(200, other.page("write?n=5").status_code)
                self.lose_the_row()
                self.sidecar.replay(self.postgres)
                self.sidecar.switch(NORMAL)
                self.assertIsNone(self.row(other.key))  # replay brings no lost row back
                for each in (browser, other):
                    self.assert_anonymous_after_one_error(each)

    def test_used_in_the_outage_and_lost_is_not_served_from_the_entry_for_ever(self):
        """An optional save in the outage keeps the entry alive; the row is lost; the next page is told once."""
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        self.assertEqual("1", browser.page("read").json()["n"])
        self.lose_the_row()
        self.sidecar.replay(self.postgres)
        self.sidecar.switch(NORMAL)
        self.assert_anonymous_after_one_error(browser)

    def test_a_page_that_changes_nothing_is_told_too(self):
        browser = self.browser(n="1")
        self.lose_the_row()
        self.assertEqual(400, browser.page("read").status_code)
        self.assertEqual((200, None), (browser.page("read").status_code, browser.page("read").json()["n"]))

    def test_a_cache_that_does_not_take_the_deletion_changes_no_error(self):
        browser = self.browser(n="1")
        store = self.store(browser.key)
        store["n"] = "2"
        self.lose_the_row()
        self.memcached.stop()
        with self.assertRaises(UpdateError):
            store.save()


class RowGoneDb(AdapterTest):
    """The db engine has no entry: the next load finds nothing, as in stock."""

    engine = DB

    def test_in_normal_and_skip_save(self):
        for mode in (NORMAL, SKIP_SAVE):
            browser = self.browser(n="1")
            store = self.store(browser.key)
            store["n"] = "2"
            self.postgres.execute("DELETE FROM django_session")
            self.sidecar.switch(mode)
            with self.assertRaises(UpdateError):
                store.save()
            self.assertEqual((200, None), (browser.page("read").status_code, browser.page("read").json()["n"]))
            self.sidecar.switch(NORMAL)
        self.assertEqual([], self.sidecar.asked("/v1/report"))
