"""Cache and Drain in the mode table of the session rules, operation by operation, for both engines."""

from django.contrib.sessions.backends.base import UpdateError
from session_operator.errors import SessionUnavailable
from support.case import AdapterTest
from support.operations import CachedDb, Db, Operations, base_of
from support.sidecar import CACHE, DRAIN, READABLE


class Fallback(Operations):
    """Mixed into one class for each engine."""

    def test_load_takes_the_sidecars_record_before_all_else(self):
        key = self.saved(n="row")
        for mode in (CACHE, DRAIN):
            self.sidecar.switch(CACHE, READABLE)
            store = self.store(key)
            store["n"] = "record"
            store.save()
            self.sidecar.switch(mode)
            with self.no_queries():
                self.assertEqual("record", self.store(key)["n"])

    def test_load_of_a_deleted_session_is_a_missing_row(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        self.store(key).delete()
        store = self.store(key)
        self.assertEqual({}, dict(store.items()))
        self.assertIsNone(store.session_key)

    def test_load_of_an_expired_record_is_a_missing_row(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store.set_expiry(-1)
        store.save()
        store = self.store(key)
        self.assertEqual({}, dict(store.items()))
        self.assertIsNone(store.session_key)

    def test_load_reads_the_database_if_it_may(self):
        key = self.saved(n="1")
        self.clear_cache()
        self.sidecar.switch(CACHE, READABLE)
        self.assertEqual("1", self.store(key)["n"])
        self.assertIsNone(self.store("unknown" * 4).get("n"))

    def test_load_raises_when_nobody_can_look(self):
        key = self.saved(n="1")
        self.clear_cache()
        self.sidecar.switch(CACHE)
        store = self.store(key)
        with self.no_queries(), self.assertRaises(SessionUnavailable) as caught:
            store.get("n")
        self.assertTrue(caught.exception.unreadable)
        self.assertEqual(key, store.session_key)

    def test_optional_save_goes_to_the_sidecar_with_its_base(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store.get("n")
        store.save()
        sent = self.sidecar.asked("/v1/save")[0]
        self.assertEqual("optional", sent["change"])
        self.assertEqual(self.base_of_row(key), sent["base"])
        self.assertFalse(sent["create"])

    def test_state_bearing_save_goes_to_the_sidecar(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store["n"] = "2"
        with self.no_queries():
            store.save()
        sent = self.sidecar.asked("/v1/save")[0]
        self.assertEqual("state", sent["change"])
        self.assertEqual(self.base_of_row(key), sent["base"])
        self.assertEqual({"session_data", "expire_date"}, set(sent["columns"]))
        self.assertEqual({"n": "2"}, store.decode(sent["columns"]["session_data"]))
        # A second save in the same request was made from the first.
        store["n"] = "3"
        store.save()
        self.assertEqual(base_of(sent["columns"]["session_data"]), self.sidecar.asked("/v1/save")[1]["base"])

    def test_save_of_a_logged_out_session_raises_update_error(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store["n"] = "2"
        self.store(key).delete()
        with self.assertRaises(UpdateError):
            store.save()

    def test_save_that_loads_a_logged_out_session_raises_update_error(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE)
        self.store(key).delete()
        with self.assertRaises(UpdateError):
            self.store(key).save()
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_save_that_cannot_be_made_durable(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "refused", "reason": "journal full"})
        store = self.store(key)
        store.get("n")
        store.save()  # optional: skipped
        store["n"] = "2"
        with self.assertRaises(SessionUnavailable) as caught:
            store.save()
        self.assertFalse(caught.exception.unreadable)
        self.assertNotIn(key, str(caught.exception))

    def test_create_asks_no_database_and_takes_another_key_if_taken(self):
        self.sidecar.switch(CACHE)
        answers = iter([{"status": "exists"}, {"status": "saved", "version": 1}])
        self.sidecar.replaced["/v1/save"] = lambda body: (200, next(answers))
        store = self.store()
        with self.no_queries():
            store.create()
        first, second = self.sidecar.asked("/v1/save")
        self.assertNotEqual(first["key"], second["key"])
        self.assertEqual(second["key"], store.session_key)
        self.assertTrue(second["create"] and second["change"] == "state" and second["base"] is None)

    def test_create_gives_up_when_every_key_is_taken(self):
        self.sidecar.switch(CACHE)
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "exists"})
        store = self.store()
        with self.assertRaises(SessionUnavailable):
            store.create()
        self.assertIsNone(store.session_key)

    def test_exists(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store["n"] = "2"
        store.save()
        self.sidecar.switch(CACHE)
        with self.no_queries():
            self.assertTrue(self.store().exists(key))
            self.assertFalse(self.store().exists("nobody" * 5))
            self.store(key).delete()
            self.assertFalse(self.store().exists(key))  # logged out; a save under it is refused

    def test_delete_leaves_a_tombstone(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE)
        with self.no_queries():
            self.store(key).delete()
        sent = self.sidecar.asked("/v1/delete")[0]
        self.assertEqual(":1:sessionoperator.tombstone." + key, sent["tombstoneEntry"])
        self.assertIsNone(self.cached(key))

    def test_refused_flush_leaves_the_session_whole(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        for answer in ((200, {"status": "refused", "reason": "one sidecar did not answer"}), b"garbage\r\n\r\n"):
            self.sidecar.replaced["/v1/delete"] = lambda body: answer
            store = self.store(key)
            store.get("n")
            with self.assertRaises(SessionUnavailable):
                store.flush()
            self.assertEqual((key, {"n": "1"}), (store.session_key, dict(store.items())))
            self.assertFalse(store.modified)

    def test_flush(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store.set_expiry(60 * 86400)
        store.flush()
        self.assertIsNone(store.session_key)
        self.assertEqual(["/v1/load", "/v1/delete"], [path for path, body in self.sidecar.log if path != "/v1/hello"])
        # The tombstone lives as long as the cookie may.
        import datetime

        until = datetime.datetime.strptime(self.sidecar.asked("/v1/delete")[0]["expires"][:19], "%Y-%m-%dT%H:%M:%S")
        self.assertGreater(until - datetime.datetime.utcnow(), datetime.timedelta(days=59))

    def test_cycle_key(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store.cycle_key()
        self.assertNotEqual(key, store.session_key)
        self.assertTrue(self.sidecar.records[key]["deleted"])
        self.assertTrue(self.sidecar.records[store.session_key]["born"])
        store.save()
        self.assertEqual("1", self.store(store.session_key)["n"])

    def test_cycle_key_is_undone_when_the_old_key_cannot_be_ended(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        deleted = []

        def refuse_old(body):
            if body["key"] == key:
                return 200, {"status": "refused", "reason": "not visible to all"}
            deleted.append(body["key"])
            return 200, self.sidecar.delete(body)

        self.sidecar.replaced["/v1/delete"] = refuse_old
        store = self.store(key)
        store.get("n")
        with self.assertRaises(SessionUnavailable):
            store.cycle_key()
        self.assertEqual((key, "1"), (store.session_key, store["n"]))
        self.assertEqual([self.sidecar.asked("/v1/save")[0]["key"]], deleted)

    def test_cycle_key_is_undone_when_the_new_key_cannot_be_made(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "refused", "reason": "full"})
        store = self.store(key)
        with self.assertRaises(SessionUnavailable):
            store.cycle_key()
        self.assertEqual((key, "1"), (store.session_key, store["n"]))
        self.assertEqual([], self.sidecar.asked("/v1/delete"))

    def test_the_mode_becomes_normal_under_an_operation(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store["n"] = "2"
        self.sidecar.replaced["/v1/save"] = lambda body: (200, {"status": "normal"})
        store.save()
        self.assertEqual("2", self.row(key)["n"])
        self.sidecar.replaced["/v1/delete"] = lambda body: (200, {"status": "normal"})
        store.delete()
        self.assertIsNone(self.row(key))


class CachedDbOperations(Fallback, CachedDb, AdapterTest):
    def test_load_takes_the_engines_cache_entry(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE)
        with self.no_queries():
            self.assertEqual("1", self.store(key)["n"])

    def test_engines_cache_entry_follows_a_save(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE)
        store = self.store(key)
        store["n"] = "2"
        store.save()
        self.assertEqual({"n": "2"}, self.cached(key))
        self.assertEqual(":1:django.contrib.sessions.cached_db" + key, self.sidecar.asked("/v1/save")[0]["cacheEntry"])

    def test_an_optional_save_takes_no_change_of_others_back(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE)
        slow = self.store(key)
        slow.get("n")
        quick = self.store(key)
        quick["n"] = "2"
        quick.save()
        slow.save()
        self.assertEqual("optional", self.sidecar.asked("/v1/save")[-1]["change"])
        self.assertEqual({"n": "2"}, self.cached(key))

    def test_a_cache_that_fails_fails_no_request(self):
        key = self.saved(n="1")
        self.memcached.stop()
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        self.assertEqual("1", store["n"])
        store["n"] = "2"
        store.save()
        self.assertEqual("2", self.store(key)["n"])
        store.delete()


class DbOperations(Fallback, Db, AdapterTest):
    def test_no_cache_entry_is_named(self):
        key = self.saved(n="1")
        self.sidecar.switch(CACHE, READABLE)
        store = self.store(key)
        store["n"] = "2"
        store.save()
        store.delete()
        self.assertIsNone(self.sidecar.asked("/v1/save")[0]["cacheEntry"])
        self.assertIsNone(self.sidecar.asked("/v1/delete")[0]["cacheEntry"])
