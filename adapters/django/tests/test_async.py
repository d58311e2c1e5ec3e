"""Asynchronous views; the asynchronous methods of Django 5.1 and later take the way of the synchronous ones, before there are none."""

from support.case import CACHED_DB, DB, AdapterTest, Browser

from asgiref.sync import async_to_sync
from django import VERSION
from django.core.cache import caches
from session_operator import composites
from session_operator.errors import SessionUnavailable
from support.sidecar import CACHE, NORMAL, READABLE, SKIP_SAVE


class Asynchronous(AdapterTest):
    def test_methods_there_are(self):
        store = type(self.store())
        if VERSION < (5, 1):
            self.assertEqual({}, composites.asynchronous(store))
            self.assertFalse(hasattr(store, "asave"))
        else:
            for engine in (DB, CACHED_DB):
                with self.subTest(engine), self.using(engine):
                    self.visit()

    def using(self, engine):
        from django.test import override_settings

        return override_settings(SESSION_ENGINE=engine)

    def visit(self):
        self._heal()
        key = async_to_sync(self.change)(None, "1")
        self.assertEqual("1", self.row(key)["n"])
        self.make_read_only()
        self.assertEqual(key, async_to_sync(self.change)(key, "2"))
        self.assertEqual("state", self.sidecar.asked("/v1/save")[0]["change"])
        self.assertEqual("1", self.row(key)["n"])
        new = async_to_sync(self.cycle)(key)
        self.assertNotEqual(key, new)
        self.assertTrue(self.sidecar.records[key]["deleted"])
        async_to_sync(self.flush)(new)
        self.assertTrue(self.sidecar.records[new]["deleted"])
        self.make_writable()
        self.sidecar.replay(self.postgres)
        self.sidecar.switch(NORMAL)
        self.assertIsNone(self.row(key))
        key = async_to_sync(self.change)(None, "1")
        caches["default"].clear()
        self.sidecar.switch(CACHE)
        with self.assertRaises(SessionUnavailable):
            async_to_sync(self.change)(key, "3")
        self.sidecar.switch(CACHE, READABLE)
        async_to_sync(self.change)(key, "4")

    async def change(self, key, value):
        store = self.store(key)
        await store.aset("n", value)
        await store.asave()
        return store.session_key

    async def cycle(self, key):
        store = self.store(key)
        await store.acycle_key()
        await store.asave()
        return store.session_key

    async def flush(self, key):
        store = self.store(key)
        await store.aflush()
        return store.session_key


class Views(AdapterTest):
    """Asynchronous views, in each version with what it has for them."""

    def test_changes_and_reads(self):
        browser = self.browser(n="1")
        self.make_read_only()
        for number, path in enumerate(("write", "explicit", "write"), 2):
            self.assertEqual(200, browser.page("async/%s?n=%d" % (path, number)).status_code)
            self.assertEqual(str(number), browser.page("async/read").json()["n"])
        self.assertEqual(["read_only"], [body["verdict"] for body in self.sidecar.asked("/v1/report")])
        self.assertEqual("1", self.row(browser.key)["n"])
        self.recover(browser, "4")

    def test_nested_change(self):
        browser = self.browser(items=["1"])
        self.make_read_only()
        self.assertEqual(200, browser.page("async/nested?n=2").status_code)
        self.make_writable()
        self.sidecar.replay(self.postgres)
        self.assertEqual({"items": ["1", "2"]}, self.row(browser.key))

    def test_login_and_logout(self):
        self.postgres.execute("UPDATE auth_user SET last_login = NULL")
        for mode in (NORMAL, CACHE):
            browser, leaver = self.browser(n="1"), self.logged_in()
            before, left = browser.key, leaver.key
            last_login = "SELECT last_login FROM auth_user"
            known = self.postgres.execute(last_login)
            self.make_read_only()
            self.sidecar.switch(mode, READABLE)
            self.assertEqual(200, browser.page("async/login").status_code)
            self.assertNotEqual(before, browser.key)
            self.assertEqual(b"ada", browser.page("async/user").content)
            self.assertEqual("1", browser.page("async/read").json()["n"])
            self.assertEqual(200, leaver.page("async/logout").status_code)
            self.assert_anonymous(before, left)
            self.assertEqual(known, self.postgres.execute(last_login))
            self.make_writable()
            self.sidecar.replay(self.postgres)
            self.sidecar.switch(NORMAL)
            self.assertNotEqual(known, self.postgres.execute(last_login))
            self.assertEqual(b"ada", browser.page("async/user").content)
            self.assert_anonymous(before, left)
            self._heal()

    def assert_anonymous(self, *keys):
        for key in keys:
            thief = Browser()
            thief.cookies["sessionid"] = key
            self.assertEqual(b"anonymous", thief.page("async/user").content)

    def test_refused_login_leaves_the_old_session_whole(self):
        browser = self.browser(n="1")
        before = browser.key
        self.make_read_only()
        self.sidecar.fallback = SKIP_SAVE
        response = browser.page("async/login")
        self.assertEqual((503, {}), (response.status_code, dict(response.cookies)))
        self.assertEqual((before, "1"), (browser.key, browser.page("async/read").json()["n"]))
        self.assertEqual(b"anonymous", browser.page("async/user").content)

    def test_refused_logout_is_503(self):
        browser = self.logged_in()
        self.sidecar.switch(CACHE, READABLE)
        self.sidecar.replaced["/v1/delete"] = lambda body: (200, {"status": "refused", "reason": "x"})
        for path in ("async/logout", "async/flush"):
            response = browser.page(path)
            self.assertEqual((503, {}), (response.status_code, dict(response.cookies)))
            self.assertEqual(b"ada", browser.page("async/user").content)

    def test_stop(self):
        browser = self.browser(n="1")
        self.postgres.stop()
        self.assertEqual(200, browser.page("async/write?n=2").status_code)
        self.assertEqual("2", browser.page("async/read").json()["n"])
        self.postgres.start()
        self.recover(browser, "2")


class ViewsDb(Views):
    engine = DB

    def test_stop(self):
        """Nothing in the cache: unreadable, not empty."""
        browser = self.browser(n="1")
        self.postgres.stop()
        self.assertEqual(503, browser.page("async/read").status_code)
        self.assertEqual(200, browser.page("plain").status_code)
        self.assertIsNotNone(browser.key)
