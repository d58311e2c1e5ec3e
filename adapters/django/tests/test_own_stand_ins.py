"""What Django's own tests found, and what they ask of the session table, asked after replay where they ask at once."""

from unittest import mock

from support.case import AdapterTest

from django.contrib.sessions.models import Session
from django.core.cache import caches
from support.operations import CachedDb, Db, Operations
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE


class Found(Operations):
    """Mixed into one class for each engine."""

    def test_load_without_a_key_is_empty(self):
        for mode, flags in ((CACHE, 0), (CACHE, READABLE), (DRAIN, READABLE)):
            self.sidecar.switch(mode, flags)
            store = self.store()
            with self.no_queries():
                self.assertEqual({}, store.load())
            self.assertIsNone(store.session_key)
        self.assertEqual([], self.sidecar.asked("/v1/load"))

    def test_exists_knows_a_row_where_the_database_can_be_read(self):
        key = self.saved(n="1")
        self.clear_cache()
        self.sidecar.switch(CACHE, READABLE)
        self.assertTrue(self.store().exists(key))
        self.assertFalse(self.store().exists("nobody" * 5))
        self.assertTrue(self.store().exists(key))
        self.postgres.stop()
        self.assertFalse(self.store().exists(key))  # could not look: a new session must not fail over it

    def test_a_deleted_session_does_not_exist(self):
        for leave in ("delete", "flush", "cycle_key"):
            key = self.saved(n="1")
            self.sidecar.switch(CACHE, READABLE)
            getattr(self.store(key), leave)()
            self.assertFalse(self.store().exists(key), leave)
            self.sidecar.switch(NORMAL)

    def test_the_table_after_replay(self):
        self.sidecar.switch(CACHE, READABLE)
        store = self.store()
        store["x"] = 1
        store.save()
        self.sidecar.replay(self.postgres)
        self.sidecar.switch(NORMAL)
        row = Session.objects.get(session_key=store.session_key)
        self.assertEqual((store.session_key, {"x": 1}), (str(row), row.get_decoded()))
        Session.objects.save(store.session_key, {"y": 2}, row.expire_date)
        self.clear_cache()
        self.assertEqual({"y": 2}, dict(self.store(store.session_key).items()))

    def test_an_empty_session_saved_is_a_row_after_replay(self):
        self.sidecar.switch(CACHE, READABLE)
        store = self.store()
        store["foo"] = "bar"
        store.save()
        del store["foo"]
        store.save()
        self.sidecar.replay(self.postgres)
        self.assertEqual({}, Session.objects.get(session_key=store.session_key).get_decoded())


class FoundCachedDb(Found, CachedDb, AdapterTest):
    def test_a_cache_that_takes_no_entry_is_told_in_djangos_own_words(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store["n"] = "2"
        with mock.patch.object(type(caches["default"]), "set", side_effect=OSError("refused")):
            with self.assertLogs("django.contrib.sessions", "ERROR") as logged:
                store.save()
        self.assertIn("Error saving to cache", logged.output[0])
        self.assertEqual("2", self.store(key)["n"])


class FoundDb(Found, Db, AdapterTest):
    pass
