"""A logout that the database may have carried out before it went away, and that is refused: what is acknowledged afterwards is kept."""

from unittest import mock

from django.core.cache import caches
from django.db import connection
from session_operator.errors import SessionUnavailable
from session_operator.records import base
from support.case import AdapterTest
from support.sidecar import CACHE, NORMAL, READABLE, SKIP_SAVE

ENTRY = "django.contrib.sessions.cached_db"


class UnsureEnds(AdapterTest):
    def lost(self, committed=True, then=lambda: None):
        """The DELETE's answer is lost with the connection, and the row is gone, or not; not every pod is known to be in fallback."""
        self.sidecar.replaced["/v1/delete"] = lambda body: (200, {"status": "refused", "reason": "not settled"})
        session = self.store().model
        engine = session.delete

        def delete(row, *args, **kwargs):
            if committed:
                engine(row, *args, **kwargs)
            then()
            self.cut_the_apps_connection()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")

        return mock.patch.object(session, "delete", delete)

    def told(self):
        return [body for body in self.sidecar.asked("/v1/save") if body.get("rowUnsure")]

    def test_what_is_acknowledged_after_a_logout_that_may_have_happened_is_kept(self):
        for path in ("flush", "logout", "login"):
            for committed in (True, False):
                browser = self.browser(n="1")
                key = browser.key
                with self.lost(committed):
                    response = browser.page(path)
                self.assertEqual((503, {}), (response.status_code, dict(response.cookies)), path)
                self.assertIn(b"not known", response.content)
                self.assertEqual(not committed, self.row(key) is not None)
                self.assertEqual("1", browser.page("read").json()["n"])
                self.assertEqual(200, browser.page("write?n=2").status_code)
                self.assertEqual(key, browser.key)
                self.recover(browser, "2")
                self._heal()

    def test_session_is_whole_though_nothing_is_done_afterwards(self):
        browser = self.browser(n="1")
        encoded = self.postgres.execute("SELECT session_data FROM django_session WHERE session_key = %s", browser.key)[0][0]
        with self.lost():
            self.assertEqual(503, browser.page("flush").status_code)
        (body,) = self.told()
        # A newer state is not overwritten with what this request saw, nor a row that is there after all.
        self.assertEqual(("optional", False, True), (body["change"], body["create"], body["entrySeen"]))
        self.assertEqual((base(encoded), "1"), (body["base"], self.store().decode(body["columns"]["session_data"])["n"]))
        self.recover(browser, "1")

    def test_what_another_pod_has_ended_meanwhile_is_not_brought_back(self):
        browser = self.browser(n="1")
        with self.lost(then=lambda: caches["default"].delete(ENTRY + browser.key)):
            self.assertEqual(503, browser.page("flush").status_code)
        self.assertEqual([], self.told())

    def test_nor_is_what_it_has_ended_past_a_record(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.sidecar.switch(NORMAL)
        with self.lost(then=lambda: caches["default"].delete(ENTRY + browser.key)):
            self.assertEqual(503, browser.page("flush").status_code)
        self.assertEqual([], self.told())

    def test_end_that_did_not_happen_leaves_nothing_to_tell(self):
        browser = self.browser(n="1")
        self.sidecar.replaced["/v1/delete"] = lambda body: (200, {"status": "refused", "reason": "not settled"})
        self.make_read_only()
        response = browser.page("flush")
        self.assertEqual(503, response.status_code)
        self.assertIn(b"still logged in", response.content)
        self.sidecar.switch(CACHE, READABLE)
        self.assertEqual(503, browser.page("flush").status_code)
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_refusal_is_the_answer_whatever_becomes_of_it(self):
        for answer in ((200, {"status": "refused", "reason": "full"}), (500, {"error": {"code": "internal"}}), (200, [])):
            browser = self.browser(n="1")
            self.sidecar.replaced["/v1/save"] = lambda body, answer=answer: answer
            with self.lost(), self.assertLogs("session_operator", "WARNING") as logs:
                self.assertEqual(503, browser.page("flush").status_code)
            self.assertIn("may be without its row", "\n".join(logs.output))
            self.assertNotIn(browser.key, "\n".join(logs.output))
            self._heal()

    def test_where_no_pod_keeps_sessions_there_is_nobody_to_tell(self):
        self.sidecar.fallback = SKIP_SAVE
        browser = self.browser(n="1")
        with self.lost():
            self.assertEqual(503, browser.page("flush").status_code)
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_store_that_was_not_loaded(self):
        key = self.browser(n="1").key
        store = self.store(key)
        with self.lost(), self.assertRaises(SessionUnavailable):
            store.flush()
        self.assertEqual([key], [body["key"] for body in self.told()])
        self.assertEqual(("1", key), (store["n"], store.session_key))
