"""Saves and logouts that the engine began in Normal and that are over in a fallback: what pods in it must know."""

from unittest import mock

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.cache import caches
from session_operator.records import base, saved_name, tombstone_name
from support.case import AdapterTest, Browser
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE, SKIP_SAVE, UNATTENDED


class OverInFallback(AdapterTest):
    def flipped(self, method, mode=CACHE):
        """The page changes between what the engine does to the row and what it does to its cache entry."""
        engine = getattr(type(caches["default"]), method)

        def flipped(*args, **kwargs):
            self.sidecar.switch(mode, READABLE)
            return engine(*args, **kwargs)

        return mock.patch.object(type(caches["default"]), method, flipped)

    def test_logout_begun_in_normal_and_over_in_a_fallback_is_told_to_the_sidecar(self):
        browser = self.browser(n="1")
        store = self.store(browser.key)
        with self.flipped("delete"):
            store.delete()
        self.assertIsNone(self.row(browser.key))
        self.assertEqual([(browser.key, True)], [(body["key"], body["rowGone"]) for body in self.sidecar.asked("/v1/delete")])

    def test_logout_in_normal_whose_request_is_over_in_a_fallback_is_told_to_the_sidecar(self):
        """A request beside it may have left the engine's cache entry: in Normal the missing row would tell."""
        ours = SessionMiddleware.process_response

        def late(middleware, request, response):
            self.sidecar.switch(CACHE, READABLE)
            return ours(middleware, request, response)

        for page in ("flush", "login"):  # a login gives a new key and ends the session under the old one
            self.sidecar.switch(NORMAL)
            browser = self.browser(n="1")
            key, entry = browser.key, self.cached(browser.key)
            with mock.patch.object(SessionMiddleware, "process_response", late):
                self.assertEqual(200, browser.page(page).status_code)
            self.assertIsNone(self.row(key))
            caches["default"].set("django.contrib.sessions.cached_db" + key, entry)
            self.assertEqual([key], [body["key"] for body in self.sidecar.asked("/v1/delete") if body["rowGone"]][-1:])
            browser.cookies[settings.SESSION_COOKIE_NAME] = key
            self.assertIsNone(browser.page("read").json()["n"])

    def test_what_was_ended_in_normal_is_not_told_while_it_is_normal(self):
        self.assertEqual(200, self.browser(n="1").page("flush").status_code)
        self.assertEqual([], self.sidecar.asked("/v1/delete"))

    def test_save_begun_in_normal_and_over_in_a_fallback_is_told_to_the_sidecar(self):
        for mode, number in ((CACHE, "2"), (DRAIN, "3")):
            self.sidecar.switch(NORMAL)
            browser = self.browser(n="1")
            with self.flipped("set", mode):
                self.assertEqual(200, browser.page("write?n=" + number).status_code)
            self.assertEqual({"n": number}, self.row(browser.key))
            body = self.sidecar.asked("/v1/save")[-1]
            self.assertEqual((browser.key, "state", False, False), (body["key"], body["change"], body["create"], body["keep"]))
            encoded = self.postgres.execute("SELECT session_data FROM django_session WHERE session_key = %s", browser.key)[0][0]
            self.assertEqual(base(encoded), body["base"])
            self.assertEqual(number, browser.page("read").json()["n"])

    def test_login_begun_in_normal_and_over_in_a_fallback_is_told_to_the_sidecar(self):
        browser = self.browser(n="1")
        with self.flipped("set"):
            self.assertEqual(200, browser.page("login").status_code)
        self.assertIn(browser.key, [body["key"] for body in self.sidecar.asked("/v1/save")])
        self.assertEqual("ada", browser.page("user").content.decode())

    def test_save_that_was_done_again_and_is_over_in_a_fallback_is_told_to_the_sidecar(self):
        browser = self.browser(n="1")
        self.cut_the_apps_connection()

        def report(body):
            self.sidecar.switch(CACHE, READABLE)
            return 200, {"status": "ok", "mode": NORMAL, "retry": True, "keep": False}

        self.sidecar.replaced["/v1/report"] = report
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual({"n": "2"}, self.row(browser.key))
        self.assertEqual([browser.key], [body["key"] for body in self.sidecar.asked("/v1/save")])

    def test_logout_that_the_engine_carried_out_in_the_end_and_is_over_in_a_fallback_is_told_to_the_sidecar(self):
        def report(body):
            self.sidecar.switch(CACHE, READABLE)
            return 200, {"status": "ok", "mode": NORMAL, "retry": again, "keep": False}

        for again in (False, True):
            self.sidecar.switch(NORMAL)
            browser = self.browser(n="1")
            key = browser.key
            if again:
                self.cut_the_apps_connection()
                self.sidecar.replaced["/v1/report"] = report
            else:
                self.sidecar.switch(CACHE, READABLE)
                answers = iter([{"status": "normal"}, {"status": "deleted"}])
                self.sidecar.replaced["/v1/delete"] = lambda body, answers=answers: (200, next(answers))
            self.assertEqual(200, browser.page("flush").status_code)
            self.assertIsNone(self.row(key))
            self.assertTrue(self.sidecar.asked("/v1/delete")[-1]["rowGone"])
            self.sidecar.replaced.clear()

    def test_save_that_the_sidecar_left_to_the_engine_and_is_over_in_a_fallback_is_told_to_it(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE, READABLE)
        answers = iter([{"status": "normal"}, {"status": "saved", "version": 1}])
        self.sidecar.replaced["/v1/save"] = lambda body: (200, next(answers))
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual({"n": "2"}, self.row(browser.key))
        self.assertEqual([browser.key] * 2, [body["key"] for body in self.sidecar.asked("/v1/save")])

    def test_new_session_that_was_rescued_is_told_once(self):
        """A second word, or its absence, would be about a row that is not there."""
        for path in ("write?n=1", "login"):
            self._heal()
            browser = Browser()
            if path == "login":
                self.make_read_only()
            else:
                self.postgres.stop()
            self.assertEqual(200, browser.page(path).status_code)
            told = [(body["key"], body["create"]) for body in self.sidecar.asked("/v1/save")]
            self.assertEqual([(browser.key, True)], told[:1])
            # After a login the page is over with a save of its own.
            self.assertEqual([] if path != "login" else [(browser.key, False)], told[1:])

    def test_save_that_stays_in_normal_is_not_told(self):
        self.assertEqual(200, self.browser(n="1").page("write?n=2").status_code)
        with self.flipped("set", SKIP_SAVE):
            self.assertEqual(200, self.browser(n="1").page("write?n=2").status_code)
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_what_the_database_has_saved_is_not_refused_when_the_sidecar_cannot_take_it(self):
        for answer in ((200, {"status": "refused", "reason": "disk full"}), (500, {"error": {"code": "internal"}})):
            self.sidecar.switch(NORMAL)
            browser = self.browser(n="1")
            self.sidecar.replaced["/v1/save"] = lambda body, answer=answer: answer
            with self.flipped("set"):
                self.assertEqual(200, browser.page("write?n=2").status_code)
            self.assertEqual({"n": "2"}, self.row(browser.key))
            # Every load and every replay looks for this entry.
            self.assertIsNotNone(caches["default"].get(saved_name(browser.key)))

    def test_save_begun_in_normal_of_a_session_that_was_ended_in_the_fallback_is_a_400_as_in_stock(self):
        browser = self.browser(n="1")
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "deleted"})
        with self.flipped("set"):
            self.assertEqual(400, browser.page("write?n=2").status_code)

    def test_logout_in_normal_is_told_to_a_sidecar_without_an_operator_alone(self):
        for flags, told in ((0, []), (UNATTENDED, [True])):
            self.sidecar.switch(NORMAL, flags)
            browser = self.logged_in()
            key = browser.key
            self.assertEqual(200, browser.page("logout").status_code)
            self.assertEqual(told, [body["rowGone"] for body in self.sidecar.asked("/v1/delete") if body["key"] == key][:1])

    def test_what_the_database_has_ended_is_not_said_to_be_whole_when_the_sidecar_cannot_make_it_known(self):
        for answer in ((200, {"status": "refused", "reason": "disk full"}), (500, {"error": {"code": "internal"}})):
            self.sidecar.switch(NORMAL)
            browser = self.logged_in()
            key = browser.key
            self.sidecar.replaced["/v1/delete"] = lambda body, answer=answer: answer
            with self.flipped("delete"):
                response = browser.page("logout")
            self.assertEqual(200, response.status_code)
            self.assertIsNone(self.row(key))
            # Every load looks for this entry.
            self.assertIsNotNone(caches["default"].get(tombstone_name(key)))
