"""Rescue in Normal: the request that meets the outage first is completed in fallback, and nothing else is touched."""

from django.contrib.sessions.backends.base import UpdateError
from django.db import InternalError, OperationalError, connection, transaction
from support.case import DB, AdapterTest, Browser
from support.sidecar import CACHE, NORMAL, READABLE, SKIP_SAVE


class Outages:
    """Mixed into one class for each engine."""

    def test_read_only(self):
        browser = self.browser(n="1")
        self.make_read_only()
        for number in "234":
            self.assertEqual(200, browser.page("write?n=" + number).status_code)
            self.assertEqual(number, browser.page("read").json()["n"])
        self.assertEqual(["read_only"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
        self.recover(browser, "4")

    def test_read_only_while_nothing_is_changed(self):
        browser = self.browser(n="1")
        self.make_read_only()
        self.assertEqual(200, browser.page("read").status_code)
        self.assertEqual(["optional"], [body["change"] for body in self.sidecar.asked("/v1/save")])
        self.assertEqual(200, browser.page("plain").status_code)
        self.recover(browser, "1")

    def test_nested_change_counts_though_modified_is_false(self):
        for loaded_in in (NORMAL, CACHE):
            browser = self.browser(items=["1"])
            self.make_read_only()
            if loaded_in == CACHE:
                self.sidecar.switch(CACHE, READABLE)
            self.assertEqual(200, browser.page("nested?n=2").status_code)
            self.assertEqual(["state"], [body["change"] for body in self.sidecar.asked("/v1/save")])
            self.make_writable()
            self.sidecar.replay(self.postgres)
            self.assertEqual({"items": ["1", "2"]}, self.row(browser.key))
            self._heal()

    def test_new_session_while_read_only(self):
        self.make_read_only()
        browser = Browser()
        self.assertEqual(200, browser.page("write?n=1").status_code)
        self.assertTrue(self.sidecar.records[browser.key]["born"])
        self.assertEqual("1", browser.page("read").json()["n"])
        self.recover(browser, "1")

    def test_logout_while_read_only_is_final(self):
        for path in ("logout", "flush"):
            browser = self.logged_in()
            key = browser.key
            self.assertEqual(b"ada", browser.page("user").content)
            self.make_read_only()
            self.assertEqual(200, browser.page(path).status_code)
            self.assert_logged_out(key)
            self.make_writable()
            self.sidecar.replay(self.postgres)
            self.sidecar.switch(NORMAL)
            self.assert_logged_out(key)
            self.assertIsNone(self.row(key))
            self._heal()

    def assert_logged_out(self, key):
        thief = Browser()
        thief.cookies["sessionid"] = key
        self.assertEqual(b"anonymous", thief.page("user").content)

    def test_refused_completion_is_503(self):
        self.sidecar.fallback = SKIP_SAVE
        browser = self.browser(n="1")
        self.make_read_only()
        response = browser.page("write?n=2")
        self.assertEqual((503, "5"), (response.status_code, response["Retry-After"]))
        self.assertNotIn("sessionid", response.cookies)
        response = browser.page("read")
        self.assertEqual((200, "1"), (response.status_code, response.json()["n"]))
        self.assertIn("sessionid", response.cookies)  # skipped, but the cookie lives on

    def test_retry_on_a_fresh_connection(self):
        browser = self.browser(n="1")
        self.sidecar.replaced["/v1/report"] = lambda body: (
            200, {"status": "ok", "mode": 0, "retry": not body["retried"], "keep": False}
        )
        self.cut_the_apps_connection()
        store = self.store(browser.key)
        store["n"] = "2"
        store.save()
        self.assertEqual("2", self.row(browser.key)["n"])
        self.assertEqual([False], [body["retried"] for body in self.sidecar.asked("/v1/report")])

    def test_retry_that_fails_is_reported_again(self):
        browser = self.browser(n="1")
        answers = iter([{"mode": 0, "retry": True, "keep": False}, {"mode": 2, "retry": False, "keep": False}])

        def report(body):
            answer = next(answers)
            self.sidecar.switch(answer["mode"], READABLE)
            return 200, dict(answer, status="ok")

        self.sidecar.replaced["/v1/report"] = report
        self.make_read_only()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual([False, True], [body["retried"] for body in self.sidecar.asked("/v1/report")])
        self.recover(browser, "2")

    def test_stock_error_when_the_sidecar_knows_better(self):
        browser = self.browser(n="1")
        self.sidecar.replaced["/v1/report"] = lambda body: (
            200, {"status": "ok", "mode": 0, "retry": False, "keep": False}
        )
        self.make_read_only()
        store = self.store(browser.key)
        store["n"] = "2"
        with self.assertRaises(UpdateError) as caught:
            store.save()
        cause = caught.exception.__context__.__cause__  # psycopg 3 calls it sqlstate
        self.assertEqual("25006", getattr(cause, "pgcode", None) or cause.sqlstate)
        self.assertEqual(1, len(self.sidecar.asked("/v1/report")))
        # One failure is one report, though save, create and save again stand around it.
        store = self.store()
        store["n"] = "2"
        with self.assertRaises(InternalError):
            store.save()
        self.assertEqual(2, len(self.sidecar.asked("/v1/report")))

    def test_busy_row_keeps_one_save(self):
        browser = self.browser(n="1")
        holder = self.postgres.connect()
        holder.autocommit = False
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_session FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        try:
            store = self.store(browser.key)
            store["n"] = "2"
            store.save()
            self.assertEqual(["busy"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
            self.assertTrue(self.sidecar.asked("/v1/save")[0]["keep"])
            # A logout cannot be kept: it fails as stock Django's does.
            with self.assertRaises(OperationalError):
                store.delete()
        finally:
            holder.close()
        self.assertEqual(NORMAL, self.sidecar.mode)
        self.assertEqual("2", self.store().decode(self.sidecar.records[browser.key]["columns"]["session_data"])["n"])

    def test_genuine_concurrent_logout_stays_update_error(self):
        browser = self.browser(n="1")
        store = self.store(browser.key)
        store["n"] = "2"
        self.store(browser.key).delete()
        with self.assertRaises(UpdateError):
            store.save()
        # Whether it lives elsewhere is all that was asked.
        self.assertEqual({"/v1/load"}, {path for path, body in self.sidecar.log if path != "/v1/hello"})

    def test_errors_of_others_pass_untouched(self):
        from django.db import ProgrammingError

        browser = self.browser(n="1")
        store = self.store(browser.key)
        store.get("n")
        self.postgres.execute("ALTER TABLE django_session RENAME TO elsewhere")
        try:
            with self.assertRaises(ProgrammingError):
                store.delete()
            store["n"] = "2"
            with self.assertRaises(UpdateError):
                store.save()
        finally:
            self.postgres.execute("ALTER TABLE elsewhere RENAME TO django_session")
        self.assertEqual([], self.sidecar.asked("/v1/report"))

    def test_changed_password_is_not_an_outage(self):
        browser = self.browser(n="1")
        connection.close()
        original = connection.settings_dict["USER"]
        connection.settings_dict["USER"] = "nobody"
        try:
            store = self.store(browser.key)
            with self.assertRaises(OperationalError):
                store.delete()
        finally:
            connection.settings_dict["USER"] = original
        self.assertEqual([], self.sidecar.asked("/v1/report"))

    def test_lost_connection_inside_the_callers_transaction_is_not_hidden(self):
        browser = self.browser(n="1")
        with self.assertRaises(UpdateError):
            with transaction.atomic():
                store = self.store(browser.key)
                store["n"] = "2"
                self.cut_the_apps_connection()
                store.save()
        self.assertEqual(["unreachable"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_read_only_inside_the_callers_transaction(self):
        browser = self.browser(n="1")
        self.make_read_only()
        self.assertEqual(b"committed", browser.page("in_transaction").content)
        self.assertEqual("in transaction", browser.page("read").json()["n"])
        self._heal()
        # A delete breaks the caller's transaction in stock Django, so it is not made to look done.
        browser = self.browser(n="1")
        self.make_read_only()
        with self.assertRaises(InternalError), transaction.atomic():
            self.store(browser.key).delete()
        self.assertEqual([], self.sidecar.asked("/v1/delete"))

class CachedDbOutages(Outages, AdapterTest):
    pass


class DbOutages(Outages, AdapterTest):
    engine = DB
