"""The sidecar or its page dead, hung, wrong or strange: stock in Normal, honest in fallback, never a long wait."""

import functools
import threading
import time

from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import caches
from django.db import connection
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext
from session_operator import client, runtime
from session_operator.errors import SessionUnavailable
from support.case import DB, AdapterTest
from support.servers import wait_until
from support.sidecar import CACHE, LEFT, READABLE, SKIP_SAVE

GARBAGE = (
    b"garbage",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[1",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{x",
    b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\": \"?\"}",
    b"",
)


class Timed:
    def __init__(self, test, longest, shortest=0):
        self.test, self.longest, self.shortest = test, longest, shortest

    def __enter__(self):
        self.started = time.monotonic()

    def __exit__(self, kind, error, traceback):
        if kind is None:
            took = time.monotonic() - self.started
            self.test.assertTrue(self.shortest <= took < self.longest, took)


class SidecarFaults(AdapterTest):
    # in Normal

    def test_dead_in_normal_is_stock(self):
        browser = self.browser(n="1")
        self.sidecar.kill()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.make_read_only()
        with Timed(self, 0.2):
            self.assertEqual(400, browser.page("write?n=3").status_code)
        self.make_writable()
        self.assertEqual("2", self.row(browser.key)["n"])

    def test_strange_answers_to_a_report_leave_the_stock_error(self):
        browser = self.browser(n="1")
        self.make_read_only()
        answers = GARBAGE + (
            (500, {"error": {"code": "internal", "message": "a defect"}}),
            (400, ["no object"]),
            (200, {"status": "ok", "mode": 17}),
            (200, {"status": "ok"}),
        )
        for answer in answers:
            self.sidecar.replaced["/v1/report"] = lambda body: answer
            store = self.store(browser.key)
            store["n"] = "2"
            with self.assertRaises(UpdateError, msg=answer):
                store.save()

    def test_a_sidecar_that_leaves_after_the_report_leaves_the_stock_error(self):
        browser = self.browser(n="1")

        def report(body):
            self.sidecar.switch(CACHE, LEFT)
            return 200, {"status": "ok", "mode": CACHE, "retry": False, "keep": False}

        self.sidecar.replaced["/v1/report"] = report
        store = self.store(browser.key)
        store["n"] = "2"
        self.make_read_only()
        with CaptureQueriesContext(connection) as queries, self.assertRaises(UpdateError):
            store.save()
        self.assertEqual(1, len([query for query in queries if query["sql"].startswith("UPDATE")]))

    def test_hung_sidecar_holds_a_request_two_seconds_and_then_not_again(self):
        browser = self.browser(n="1")
        released = threading.Event()
        self.addCleanup(released.set)
        self.sidecar.replaced["/v1/report"] = lambda body: (released.wait(10), (200, {"status": "ok", "mode": 0}))[1]
        self.make_read_only()
        with Timed(self, 2.3, 1.9):
            self.assertEqual(400, browser.page("write?n=2").status_code)
        with Timed(self, 0.2):
            self.assertEqual(400, browser.page("write?n=2").status_code)

    def test_a_sidecar_that_dies_while_it_is_asked_is_not_waited_for(self):
        browser = self.browser(n="1")
        released = threading.Event()
        self.addCleanup(released.set)
        self.sidecar.replaced["/v1/report"] = lambda body: (released.wait(10), (200, {"status": "ok", "mode": 0}))[1]
        self.make_read_only()
        threading.Timer(0.2, self.sidecar.stop_heart).start()
        with Timed(self, 0.8):
            self.assertEqual(400, browser.page("write?n=2").status_code)

    def test_dripping_answer_ends_after_two_seconds(self):
        browser = self.browser(n="1")
        self.make_read_only()

        def drip(body):
            # Bytes keep coming, the end never does.
            return b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50

        class Slow:
            def __init__(self, file):
                self.file = file

            def write(self, data):
                try:
                    for byte in data:
                        self.file.write(bytes([byte]))
                        time.sleep(0.1)
                except OSError:
                    pass

            def __getattr__(self, name):
                return getattr(self.file, name)

        from support import sidecar as support

        original = support._Handler.setup

        def setup(handler):
            original(handler)
            handler.wfile = Slow(handler.wfile)

        support._Handler.setup = setup
        self.addCleanup(setattr, support._Handler, "setup", original)
        client.reset()
        self.sidecar.replaced["/v1/report"] = drip
        with Timed(self, 2.5):
            self.assertEqual(400, browser.page("write?n=2").status_code)

    # in fallback

    def test_dead_in_fallback_lets_the_engine_do_it(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        self.sidecar.kill()
        with Timed(self, 0.5):
            self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual("2", self.row(browser.key)["n"])
        self.assertEqual(200, browser.page("flush").status_code)
        self.assertIsNone(self.row(browser.key) if browser.key else None)
        self.assertEqual(200, browser.page("login").status_code)

    def test_dead_in_skip_save_skips_nothing(self):
        key = self.browser(n="1").key
        self.sidecar.switch(SKIP_SAVE)
        self.sidecar.kill()
        self.postgres.execute("UPDATE django_session SET expire_date = now() + interval '1 hour'")
        store = self.store(key)
        store.get("n")
        store.save()
        later = "SELECT expire_date > now() + interval '1 day' FROM django_session"
        self.assertTrue(self.postgres.execute(later)[0][0])

    def test_goodbye_is_not_waited_for(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE, LEFT)
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual("2", self.row(browser.key)["n"])
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_a_save_without_the_sidecar_is_told_to_the_pods_that_look_at_records(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE, READABLE)
        browser.page("write?n=2")
        self.assertEqual(":1:sessionoperator.saved." + browser.key, self.sidecar.asked("/v1/save")[0]["savedEntry"])
        word = functools.partial(caches["default"].get, "sessionoperator.saved." + browser.key)
        self.sidecar.kill()
        self.make_read_only()
        self.assertEqual(400, browser.page("write?n=3").status_code)
        self.assertIsNone(word())
        self.make_writable()
        while_saving = []
        # Another request's record may replace the word.
        look = lambda **_: while_saving.append(word()) or caches["default"].delete(*word.args)  # noqa: E731
        pre_save.connect(look)
        self.assertEqual(200, browser.page("write?n=3").status_code)
        pre_save.disconnect(look)
        self.assertEqual(([1], 1), (while_saving, word()))
        self.make_read_only()
        self.assertEqual(400, browser.page("write?n=4").status_code)
        self.assertEqual(1, word())  # of the save before
        self.make_writable()
        # A new session is in no record.
        other = self.store()
        other["n"] = "4"
        other.save()
        self.assertIsNone(caches["default"].get("sessionoperator.saved." + other.session_key))

    def test_logout_holds_while_the_sidecar_is_dead(self):
        browser = self.logged_in()
        key = browser.key
        self.sidecar.switch(CACHE, READABLE)
        stale = self.store(key)
        stale["n"] = "2"
        self.assertEqual(200, browser.page("logout").status_code)
        entry = self.sidecar.asked("/v1/delete")[0]["tombstoneEntry"]
        # What the sidecar does with tombstoneEntry, in the cache server's own words.
        self.set_raw(entry)
        self.sidecar.kill()
        self.assertIsNotNone(self.row(key))
        thief = type(browser)()
        thief.cookies["sessionid"] = key
        self.assertEqual(b"anonymous", thief.page("user").content)
        with self.assertRaises(UpdateError):
            stale.save()

    def set_raw(self, entry):
        import socket

        with socket.create_connection(("127.0.0.1", self.memcached.port)) as raw:
            raw.sendall(b"set %s 0 60 1\r\n1\r\n" % entry.encode())
            self.assertEqual(b"STORED\r\n", raw.recv(100))

    def test_neither_sidecar_nor_cache_is_neither_logged_in_nor_out(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        self.sidecar.kill()
        self.memcached.stop()
        response = browser.page("read")
        self.assertEqual(503, response.status_code)
        self.assertEqual({}, dict(response.cookies))

    def test_strange_cookies_are_as_harmless_as_in_stock(self):
        for cookie in ("a b c d e f g", "x" * 300, "../../../etc", "abc\x7fdefgh", "12345678\u00e9"):
            for flags, dead in ((READABLE, False), (0, True)):
                self._heal()
                self.sidecar.switch(CACHE, flags)
                if dead:
                    self.sidecar.kill()
                store = self.store(cookie)
                self.assertEqual({}, dict(store.items()), cookie)
                self.assertIsNone(store.session_key)
                self.assertEqual([], self.sidecar.asked("/v1/load"))

    def test_sidecar_that_cannot_believe_its_cache(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        self.sidecar.replaced["/v1/load"] = lambda body: (200, {"status": "unreadable"})
        self.assertEqual(503, browser.page("read").status_code)
        response = browser.page("plain")
        self.assertEqual((200, {}), (response.status_code, dict(response.cookies)))

    def test_logout_by_the_engine_alone_is_noted_for_the_sidecar(self):
        key = self.browser(n="1").key
        self.sidecar.switch(CACHE)
        self.sidecar.kill()
        self.store(key).delete()
        self.assertIsNone(self.row(key))
        self.assertEqual(1, caches["default"].get("sessionoperator.tombstone." + key))

    def test_strange_answers_in_fallback_acknowledge_nothing(self):
        key = self.browser(n="1").key
        self.sidecar.switch(CACHE, READABLE)
        for answer in GARBAGE + ((500, {"error": {"code": "internal", "message": "a defect"}}),):
            for path in ("/v1/load", "/v1/save", "/v1/delete"):
                self.sidecar.replaced = {path: lambda body: answer}
                store = self.store(key)
                with self.assertRaises(SessionUnavailable, msg=(path, answer)):
                    store["n"] = "%s %r" % (path, answer)  # state-bearing each time
                    store.save()
                    store.flush()
                self.assertEqual(key, store.session_key)
        self.sidecar.replaced = {"/v1/load": lambda body: (200, {"status": "found", "columns": {"session_data": "x"}})}
        with self.assertRaises(SessionUnavailable):
            self.store(key).get("n")
        self.assertEqual("1", self.row(key)["n"])

    def test_restarted_sidecar_hears_hello_and_the_request_goes_on(self):
        key = self.browser(n="1").key
        self.sidecar.switch(CACHE, READABLE)
        self.assertEqual("1", self.store(key)["n"])  # keeps a connection
        self.sidecar.kill()
        self.sidecar.start()
        wait_until(lambda: self.sidecar.asked("/v1/hello"), what="hello of this process in the background")
        self.sidecar.knows_app = False
        self.sidecar.log.clear()
        store = self.store(key)
        store["n"] = "2"
        store.save()
        self.assertEqual(["/v1/load", "/v1/hello", "/v1/load", "/v1/save"], [path for path, body in self.sidecar.log])

    def test_other_store_stays_stock_until_another_sidecar(self):
        browser = self.browser(n="1")
        refuse = lambda body: (409, {"error": {"code": "other_store", "message": "table shop_session"}})  # noqa: E731
        self.sidecar.replaced = {"/v1/load": refuse}
        self.sidecar.switch(CACHE, READABLE)
        with self.assertLogs("session_operator", "ERROR"):
            self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual("2", self.row(browser.key)["n"])
        self.assertIsNone(runtime.current())
        self.sidecar.kill()
        self.sidecar.start()
        runtime.look()
        self.assertIsNotNone(runtime.current())


class SidecarFaultsDb(AdapterTest):
    engine = DB

    def test_dead_in_fallback_without_a_cache_is_stock(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        self.sidecar.kill()
        self.memcached.stop()
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual("2", self.row(browser.key)["n"])
