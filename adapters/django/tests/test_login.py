"""Login during an outage: the id is rotated or the old session stays whole; last_login is deferred, not lost."""

from support.case import AdapterTest, Browser

from django.contrib.auth.models import User
from django.db import InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.contrib.auth import models as auth_models
from support.sidecar import CACHE, NORMAL, READABLE, SKIP_SAVE


class Login(AdapterTest):
    def setUp(self):
        super().setUp()
        self.postgres.execute("UPDATE auth_user SET last_login = NULL")
        self.user_id = self.postgres.execute("SELECT id FROM auth_user")[0][0]

    def last_login(self):
        return self.postgres.execute("SELECT last_login FROM auth_user")[0][0]

    def test_in_normal_it_is_stock(self):
        browser = self.logged_in()
        self.assertIsNotNone(self.last_login())
        self.assertEqual([], self.sidecar.asked("/v1/row"))
        self.assertEqual(b"ada", browser.page("user").content)

    def test_login_while_read_only(self):
        for mode in (NORMAL, CACHE):
            browser = self.browser(n="1")
            before = browser.key
            self.make_read_only()
            self.sidecar.switch(mode, READABLE)
            self.assertEqual(200, browser.page("login").status_code)
            self.assertNotEqual(before, browser.key)
            self.assertEqual(b"ada", browser.page("user").content)
            self.assertEqual("1", browser.page("read").json()["n"])
            # Never logged in under the id that an attacker may have planted.
            thief = Browser()
            thief.cookies["sessionid"] = before
            self.assertEqual(b"anonymous", thief.page("user").content)
            self.assertIsNone(self.last_login())
            self.make_writable()
            self.sidecar.replay(self.postgres)
            self.sidecar.switch(NORMAL)
            self.assertIsNotNone(self.last_login())
            self.assertEqual(b"ada", browser.page("user").content)
            self.assertIsNone(self.row(before))
            self._heal()
            self.setUp()

    def test_refused_login_leaves_the_old_session_whole(self):
        browser = self.browser(n="1")
        before = browser.key
        self.make_read_only()
        self.sidecar.fallback = SKIP_SAVE
        response = browser.page("login")
        self.assertEqual((503, {}), (response.status_code, dict(response.cookies)))
        self.assertEqual(before, browser.key)
        self.assertEqual("1", browser.page("read").json()["n"])
        self.assertEqual(b"anonymous", browser.page("user").content)
        self.make_writable()
        self.assertEqual({"n": "1"}, self.row(before))

    def test_first_fault_meets_update_last_login(self):
        user = User.objects.get()
        self.browser()
        self.make_read_only()
        auth_models.update_last_login(None, user)
        self.assertIsNotNone(user.last_login)
        sent = self.sidecar.asked("/v1/row")[0]
        self.assertEqual(
            ("auth_user", "id", self.user_id, ["last_login"]),
            (sent["table"], sent["keyColumn"], sent["key"], list(sent["columns"])),
        )

    def test_in_fallback_the_database_is_not_touched(self):
        user = User.objects.get()
        self.browser()
        self.sidecar.switch(CACHE)
        with CaptureQueriesContext(connection) as queries:
            auth_models.update_last_login(None, user)
        self.assertEqual([], [query["sql"] for query in queries])
        self.assertEqual(1, len(self.sidecar.asked("/v1/row")))

    def test_stock_error_if_nobody_takes_it(self):
        user = User.objects.get()
        self.browser()
        self.make_read_only()
        for answer in ((200, {"status": "refused"}), b"garbage"):
            self.sidecar.replaced["/v1/row"] = lambda body: answer
            with self.assertRaises(InternalError):
                auth_models.update_last_login(None, user)
        self.sidecar.kill()
        with self.assertRaises(InternalError):
            auth_models.update_last_login(None, user)

    def test_stock_error_inside_the_callers_transaction(self):
        user = User.objects.get()
        self.browser()
        self.make_read_only()
        with self.assertRaises(InternalError), transaction.atomic():
            auth_models.update_last_login(None, user)
        self.assertEqual([], self.sidecar.asked("/v1/row"))

    def test_it_is_the_connected_receiver(self):
        from django.contrib.auth.signals import user_logged_in

        receivers = user_logged_in._live_receivers(User)
        receivers = receivers[0] if isinstance(receivers, tuple) else receivers  # Django 5: sync and async
        self.assertIn(auth_models.update_last_login, receivers)
        self.assertTrue(auth_models.update_last_login.session_operator)
