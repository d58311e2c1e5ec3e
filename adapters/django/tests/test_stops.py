"""PostgreSQL stopped, killed or frozen, and what each engine makes of it."""


import threading
import time
from unittest import mock

from django.core.cache import caches
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from session_operator import deadline
from support.case import DB, AdapterTest, Browser
from support.servers import wait_until
from support.sidecar import CACHE, NORMAL, READABLE


class CachedDbStops(AdapterTest):
    def test_stop(self):
        browser = self.browser(n="1")
        self.postgres.stop()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual(["unreachable"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
        self.assertEqual("2", browser.page("read").json()["n"])
        self.assertEqual(200, browser.page("plain").status_code)
        self.assertEqual(1, len(self.sidecar.asked("/v1/report")))
        self.assertEqual(500, browser.page("user").status_code if self.log_in(browser) else None)
        self.postgres.start()
        self.recover(browser, "2")

    def log_in(self, browser):
        """The view's own query is the view's own business: its 500 stays."""
        store = self.store(browser.key)
        store["_auth_user_id"] = "1"
        store["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        store.save()
        return True

    def test_kill_9(self):
        browser = self.browser(n="1")
        self.postgres.kill()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.postgres.start()
        self.recover(browser, "2")

    def test_first_fault_meets_a_load(self):
        browser = self.browser(n="1")
        caches["default"].clear()
        self.postgres.stop()
        response = browser.page("read")
        self.assertEqual((503, "5"), (response.status_code, response["Retry-After"]))
        self.assertEqual({}, dict(response.cookies))
        self.assertEqual(["unreachable"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])

    def test_unreadable_session_leaves_a_page_alone_that_does_not_need_it(self):
        for mode in (NORMAL, CACHE):
            self.sidecar.switch(NORMAL)
            browser = self.browser(n="1")
            caches["default"].clear()
            self.postgres.stop()
            self.sidecar.switch(mode)
            response = browser.page("plain")
            self.assertEqual((200, b"plain"), (response.status_code, response.content))
            self.assertEqual({}, dict(response.cookies))
            self.assertEqual([], self.sidecar.asked("/v1/save"))
            self.postgres.start()
            self.assertEqual("1", self.row(browser.key)["n"])

    def test_frozen_server_holds_a_request_once(self):
        self.sidecar.deadline = 700
        self.sidecar.write_page()
        browser = self.browser(n="1")
        self.assertEqual(200, browser.page("read").status_code)
        self.postgres.freeze()
        started = time.monotonic()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        took = time.monotonic() - started
        self.assertTrue(0.6 < took < 1.2, took)
        self.assertEqual(["deadline"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
        started = time.monotonic()
        for number in range(5):
            self.assertEqual(200, browser.page("write?n=%d" % number).status_code)
        self.assertLess(time.monotonic() - started, 0.5)
        self.postgres.thaw()
        self.recover(browser, "4")

    def test_reading_and_ending_a_session_are_done_again_when_the_server_that_was_cut_off_answers(self):
        self.sidecar.deadline = 400
        self.sidecar.write_page()

        def report(body):
            self.postgres.thaw()
            return 200, {"status": "ok", "mode": 0, "retry": False, "keep": body["verdict"] == "deadline"}

        self.sidecar.replaced["/v1/report"] = report
        for name in ("load", "exists", "delete"):
            with self.subTest(name):
                browser = self.browser(n="1")
                caches["default"].clear()
                store = self.store(browser.key)
                self.assertTrue(store.exists(browser.key))  # a connection
                self.postgres.freeze()
                if name == "load":
                    self.assertEqual("1", store["n"])
                elif name == "exists":
                    self.assertTrue(store.exists(browser.key))
                else:
                    store.delete()
                    self.assertIsNone(self.row(browser.key))
        self.assertEqual(["deadline"] * 3, [body["verdict"] for body in self.sidecar.asked("/v1/report")])

    def test_a_new_session_that_the_server_took_after_all_keeps_its_key(self):
        """Else its row stays behind, with the user's data, and nobody has its key."""
        self.sidecar.deadline = 400
        self.sidecar.write_page()
        keys = "SELECT session_key FROM django_session"
        commit = type(connections["default"])._commit

        def frozen(used):
            if not self.sidecar.asked("/v1/report"):
                self.postgres.freeze()
            return commit(used)

        def taken(body):
            self.postgres.thaw()
            wait_until(lambda: self.postgres.execute(keys), what="the server carries out what it was sent")
            return 200, {"status": "ok", "mode": 0, "retry": again, "keep": not again}

        for page in ("write?n=2", "login"):
            for again in (False, True):
                with self.subTest(page, again=again):
                    self._heal()
                    self.sidecar.replaced["/v1/report"] = taken
                    self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "exists"})  # so says the database
                    browser = Browser()
                    with mock.patch.object(type(connections["default"]), "_commit", frozen):
                        self.assertEqual(200, browser.page(page).status_code)
                    self.assertEqual(1, len(self.sidecar.asked("/v1/report")))
                    self.assertEqual([(browser.key,)], self.postgres.execute(keys))
                    self.assertEqual(self.row(browser.key), self.cached(browser.key))

    def test_a_new_key_that_somebody_else_has_is_not_taken_from_him(self):
        self.sidecar.deadline = 400
        self.sidecar.write_page()
        other = self.browser(n="his")
        chosen = iter([other.key, "y" * 32])

        def report(body):
            self.postgres.thaw()
            return 200, {"status": "ok", "mode": 0, "retry": False, "keep": True}

        self.sidecar.replaced["/v1/report"] = report
        answers = iter([{"status": "exists"}, {"status": "normal"}])
        self.sidecar.replaced["/v1/save"] = lambda body: (200, next(answers))
        store = self.store()
        store["n"] = "mine"

        def key(store):
            found = next(chosen)
            if found == other.key:
                self.postgres.freeze()
            return found

        with mock.patch.object(type(store), "_get_new_session_key", key):
            store.create()
        self.assertEqual("y" * 32, store.session_key)
        self.assertEqual({"n": "his"}, self.row(other.key))
        self.assertEqual({"n": "mine"}, self.row("y" * 32))

    def test_frozen_server_while_connecting(self):
        self.sidecar.deadline = 1000
        self.sidecar.write_page()
        browser = self.browser(n="1")
        connection.close()
        self.postgres.freeze()
        started = time.monotonic()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertLess(time.monotonic() - started, 3)
        self.assertNotIn("connect_timeout", connection.get_connection_params())

    def test_a_flip_ends_a_running_call_at_once(self):
        self.sidecar.deadline = 30000
        self.sidecar.write_page()
        browser = self.browser(n="1")
        self.assertEqual(200, browser.page("read").status_code)
        self.postgres.freeze()
        threading.Timer(0.3, self.sidecar.switch, (CACHE,)).start()
        self.assertEqual(200, self.before_its_deadline(browser.page, "write?n=2").status_code)
        self.assertEqual("2", browser.page("read").json()["n"])

    def before_its_deadline(self, call, *arguments):
        started = time.monotonic()
        result = call(*arguments)
        self.assertLess(time.monotonic() - started, self.sidecar.deadline / 1000 / 2)
        return result

    def test_a_flip_ends_a_call_that_sees_its_end_before_the_watchdog_is_back_from_it(self):
        self.sidecar.deadline = 10000
        self.sidecar.write_page()
        store = self.store(self.browser(n="1").key)
        store["n"] = "2"
        asked = threading.Event()
        ours = connections["default"]  # not the proxy
        cut, parameters = deadline.shut_down, ours.get_connection_params

        def slowly(driver):
            done = cut(driver)
            asked.wait(5)
            return done

        def asking():
            asked.set()
            return parameters()

        with mock.patch.object(deadline, "shut_down", slowly), mock.patch.object(ours, "get_connection_params", asking):
            self.postgres.freeze()
            threading.Timer(0.3, self.sidecar.switch, (CACHE,)).start()
            self.before_its_deadline(store.save)
        self.assertTrue(asked.is_set())
        self.assertEqual(["deadline"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])

    def test_a_flip_between_the_decision_and_the_call_ends_it(self):
        self.sidecar.deadline = 10000
        self.sidecar.write_page()
        key, sidecar, freeze = self.browser(n="1").key, self.sidecar, self.postgres.freeze

        class Late(type(self.store())):
            def save(self, must_create=False):
                freeze()
                sidecar.switch(CACHE)
                super().save(must_create)

        store = Late(key)
        store["n"] = "2"
        self.before_its_deadline(store.save)
        self.assertEqual(["deadline"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
        self.assertEqual([key], [body["key"] for body in self.sidecar.asked("/v1/save")])

    def test_nobody_follows_into_a_server_that_is_being_asked_about(self):
        browser, other = self.browser(n="1"), self.browser(n="1")
        store = self.store(other.key)
        store["n"] = "2"
        asked = threading.Event()

        def report(body):
            asked.set()
            time.sleep(0.2)
            self.sidecar.switch(CACHE)
            return 200, {"status": "ok", "mode": CACHE, "retry": False, "keep": False}

        self.sidecar.replaced["/v1/report"] = report
        self.postgres.stop()
        first = threading.Thread(target=browser.page, args=("write?n=2",))
        first.start()
        self.assertTrue(asked.wait(10))
        with CaptureQueriesContext(connection) as queries:
            store.save()
        first.join()
        self.assertEqual([], list(queries))
        self.assertEqual({browser.key, other.key}, {body["key"] for body in self.sidecar.asked("/v1/save")})
        self.assertEqual(1, len(self.sidecar.asked("/v1/report")))
        self.postgres.start()

    def test_an_answer_that_does_not_come_is_not_waited_for_by_others(self):
        released = threading.Event()
        self.addCleanup(released.set)
        self.sidecar.replaced["/v1/report"] = lambda body: (released.wait(10), (200, {"status": "ok", "mode": 0}))[1]
        store = self.store(self.browser(n="1").key)
        other = self.browser(n="1")
        self.make_read_only()
        first = threading.Thread(target=other.page, args=("write?n=2",))
        first.start()
        wait_until(lambda: self.sidecar.asked("/v1/report"))
        started = time.monotonic()
        self.assertEqual("1", store["n"])
        self.assertTrue(0.4 < time.monotonic() - started < 0.9, time.monotonic() - started)
        released.set()
        first.join()


class DbStops(AdapterTest):
    engine = DB

    def test_stop_makes_sessions_unreadable_not_empty(self):
        browser = self.browser(n="1")
        self.postgres.stop()
        self.assertEqual(503, browser.page("read").status_code)
        self.assertEqual(200, browser.page("plain").status_code)
        self.assertIsNotNone(browser.key)
        self.postgres.start()
        self.sidecar.switch(NORMAL)
        self.assertEqual("1", browser.page("read").json()["n"])

    def test_after_a_save_by_the_engine_the_loaded_row_counts_no_more(self):
        store = self.store(self.browser(n="1").key)
        store["n"] = "2"
        store.save()
        self.make_read_only()
        store["n"] = "1"  # what was loaded, and not what is stored
        store.save()
        sent = self.sidecar.asked("/v1/save")[0]
        self.assertEqual(("state", None), (sent["change"], sent["base"]))

    def test_stale_connection_reads_again_after_a_failover(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE, READABLE)
        self.assertEqual(200, browser.page("read").status_code)
        self.sidecar.records.clear()
        self.cut_the_apps_connection()
        self.assertEqual("1", self.store(browser.key)["n"])
