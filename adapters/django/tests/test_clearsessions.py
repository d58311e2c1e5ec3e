"""clearsessions during an outage and after it: no row goes that replay is about to bring up to date, and none stays for good."""

import datetime

from support.case import DB, AdapterTest

from asgiref.sync import async_to_sync
from django.contrib.sessions.backends import db
from django.core.management import call_command
from django.db import InternalError
from django.utils import timezone
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE, SKIP_SAVE


class ClearSessions(AdapterTest):
    def used_in_the_outage(self):
        """A session whose row has expired, used meanwhile: its expiry moved in the sidecar only."""
        store = self.store()
        store["n"] = "1"
        store.save()
        self.sidecar.switch(CACHE, READABLE)
        used = self.store(store.session_key)
        used["n"] = "2"
        used.save()
        self.expire(store.session_key)
        return store.session_key

    def expire(self, key):
        past = timezone.now() - datetime.timedelta(hours=1)
        self.postgres.execute("UPDATE django_session SET expire_date = %s WHERE session_key = %s", past, key)

    def test_row_that_replay_will_update_stays(self):
        for mode in (CACHE, DRAIN):
            key = self.used_in_the_outage()
            self.sidecar.switch(mode, READABLE)
            with self.assertLogs("session_operator", "WARNING") as logged:
                call_command("clearsessions")
            self.assertIn("run clearsessions again later", logged.output[0])
            self.sidecar.replay(self.postgres)
            self.sidecar.switch(NORMAL)
            call_command("clearsessions")
            self.assertEqual("2", self.row(key)["n"])

    def test_asynchronously(self):
        if not hasattr(db.SessionStore, "aclear_expired"):
            return self.assertNotIn("aclear_expired", vars(db.SessionStore))
        key = self.used_in_the_outage()
        async_to_sync(self.store().aclear_expired)()
        self.assertEqual("1", self.row(key)["n"])
        self.sidecar.switch(NORMAL)
        async_to_sync(self.store().aclear_expired)()
        self.assertIsNone(self.row(key))

    def test_expired_rows_go_where_nothing_is_kept_aside(self):
        for mode in (NORMAL, SKIP_SAVE):
            self.sidecar.switch(NORMAL)
            key = self.browser(n="1").key
            self.expire(key)
            self.sidecar.switch(mode)
            call_command("clearsessions")
            self.assertIsNone(self.row(key))

    def test_first_to_meet_the_outage_fails_as_stock(self):
        self.expire(self.browser(n="1").key)
        self.make_read_only()
        with self.assertRaises(InternalError):
            call_command("clearsessions")

    def test_a_subclass_with_a_method_of_its_own(self):
        cleared = []

        class Own(db.SessionStore):
            @classmethod
            def clear_expired(cls):
                cleared.append(cls)

        self.store().exists("x" * 32)
        self.sidecar.switch(CACHE)
        Own.clear_expired()
        self.assertEqual([], cleared)
        self.sidecar.switch(NORMAL)
        Own.clear_expired()
        self.assertEqual([Own], cleared)


class ClearSessionsDb(ClearSessions):
    engine = DB
