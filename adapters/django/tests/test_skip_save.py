"""SkipSave and the ramp after an outage in the mode table of the session rules, for both engines."""

from django.db import connection
from session_operator.errors import SessionUnavailable
from support.case import AdapterTest
from support.operations import CachedDb, Db, Operations
from support.sidecar import NORMAL, READABLE, SKIP_SAVE


class SkipSave(Operations):
    """Mixed into one class for each engine."""

    def test_skip_save_skips_optional_and_tries_state(self):
        key = self.saved(n="1")
        self.sidecar.switch(SKIP_SAVE, READABLE)
        store = self.store(key)
        store.get("n")
        with self.no_queries():
            store.save()
        store["n"] = "2"
        store.save()
        self.assertEqual("2", self.row(key)["n"])
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_skip_save_refuses_what_the_database_refuses(self):
        key = self.saved(n="1")
        self.sidecar.fallback = SKIP_SAVE
        self.sidecar.switch(SKIP_SAVE, READABLE)
        self.make_read_only()
        store = self.store(key)
        store["n"] = "2"
        for operation in (store.save, store.delete, store.flush, store.cycle_key):
            with self.assertRaises(SessionUnavailable, msg=operation):
                operation()
            self.assertEqual((key, "2"), (store.session_key, store["n"]))
        self.make_writable()
        self.assertEqual("1", self.row(key)["n"])

    def test_what_is_refused_after_a_lost_connection_may_have_been_done_all_the_same(self):
        self.sidecar.replaced["/v1/report"] = lambda body: (200, {"status": "ok", "mode": SKIP_SAVE, "retry": False, "keep": False})
        for operation in ("save", "delete"):
            for lost in (True, False):
                connection.close()
                store = self.store(self.saved(n="1"))
                store["n"] = "2"
                if lost:
                    self.cut_the_apps_connection()
                else:
                    self.make_read_only()
                with self.assertRaises(SessionUnavailable) as caught:
                    getattr(store, operation)()
                self.assertEqual(lost, caught.exception.uncertain)
                connection.close()
                self.make_writable()

    def test_skip_save_load_falls_back_when_the_database_is_away(self):
        key = self.saved(n="1")
        self.clear_cache()
        self.sidecar.fallback = SKIP_SAVE
        self.sidecar.switch(SKIP_SAVE)
        connection.close()
        self.postgres.stop()
        with self.assertRaises(SessionUnavailable) as caught:
            self.store(key).get("n")
        self.assertTrue(caught.exception.unreadable)

    def test_exists_in_skip_save_is_the_engines(self):
        key = self.saved(n="1")
        self.clear_cache()
        self.sidecar.switch(SKIP_SAVE)
        with self.queries(1):
            self.assertTrue(self.store().exists(key))

    # Normal, just after an outage

    def test_ramp_sends_optional_saves_to_the_sidecar(self):
        key = self.saved(n="1")
        self.sidecar.switch(NORMAL, ramp=0)
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "saved", "version": 1})
        store = self.store(key)
        store.get("n")
        with self.no_queries():
            store.save()
        self.assertEqual(["optional"], [body["change"] for body in self.sidecar.asked("/v1/save")])
        store["n"] = "2"
        store.save()
        self.assertEqual("2", self.row(key)["n"])
        self.assertEqual(1, len(self.sidecar.asked("/v1/save")))

    def test_ramp_leaves_saves_to_the_engine_if_the_sidecar_says_so_or_nothing(self):
        for answer in ((200, {"status": "normal"}), (200, {"status": "refused"}), b"garbage"):
            key = self.saved(n="1")
            self.sidecar.switch(NORMAL, ramp=0)
            self.sidecar.replaced["/v1/save"] = lambda body: answer
            store = self.store(key)
            store.get("n")
            self.postgres.execute("UPDATE django_session SET expire_date = now() + interval '1 hour'")
            store.save()
            later = "SELECT expire_date > now() + interval '1 day' FROM django_session WHERE session_key = %s"
            self.assertTrue(self.postgres.execute(later, key)[0][0])
            self.sidecar.switch(NORMAL)


class CachedDbSkipSave(SkipSave, CachedDb, AdapterTest):
    pass


class DbSkipSave(SkipSave, Db, AdapterTest):
    pass
