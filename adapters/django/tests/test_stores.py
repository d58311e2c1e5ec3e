"""Stores of others: custom models and columns, subclasses that override or wrap methods, mixins, own caches."""

from support.case import AdapterTest

from django.contrib.sessions.backends import cached_db, db
from django.core.cache import caches
from django.contrib.sessions.backends.base import UpdateError
from django.db import InternalError, connection
from django.test import override_settings
from session_operator import records
from support.app.custom import CustomSession
from support.app.custom import SessionStore as CustomStore
from support.app.custom_cached import SessionStore as CachedStore
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE, SKIP_SAVE


class CustomTable(AdapterTest):
    """Has the table of the custom store, empty before each test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with connection.schema_editor() as editor:
            editor.create_model(CustomSession)

    @classmethod
    def tearDownClass(cls):
        with connection.schema_editor() as editor:
            editor.delete_model(CustomSession)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        CustomSession.objects.all().delete()

    def saved(self):
        store = CustomStore(address="10.0.0.1")
        store["account"] = 7
        store.save()
        return store.session_key


class CustomStores(CustomTable):
    engine = "support.app.custom"

    def test_all_columns_go_to_the_sidecar_and_come_back(self):
        key = self.saved()
        caches["default"].clear()
        self.sidecar.switch(CACHE, READABLE)
        store = CustomStore(key)
        store["n"] = "2"
        self.assertEqual((7, "10.0.0.1"), (store.account, store.address))
        store.save()
        columns = self.sidecar.asked("/v1/save")[0]["columns"]
        self.assertEqual(
            {field.column for field in CustomSession._meta.concrete_fields} - {"session_key"}, set(columns)
        )
        self.assertEqual((7, "10.0.0.1", {"base64": "AP8="}), tuple(columns[n] for n in ("account_no", "address", "token")))
        self.assertTrue(columns["updated_at"].endswith("Z"))
        again = CustomStore(key)
        self.assertEqual("2", again["n"])
        self.assertEqual((7, "10.0.0.1"), (again.account, again.address))
        self.assertEqual(":1:custom.cached" + key, self.sidecar.asked("/v1/save")[0]["cacheEntry"])

    def test_rescue(self):
        key = self.saved()
        store = CustomStore(key)
        store["n"] = "2"
        self.make_read_only()
        store.save()
        self.assertEqual("state", self.sidecar.asked("/v1/save")[0]["change"])
        store.flush()
        self.assertEqual([key], [body["key"] for body in self.sidecar.asked("/v1/delete")])
        created = CustomStore(address="10.0.0.2")
        created["account"] = 8
        created.save()
        record = self.sidecar.records[created.session_key]
        self.assertTrue(record["born"])
        self.assertIsNotNone(record["columns"]["updated_at"])

    def test_sentinel_fits_the_table(self):
        from session_operator import describe

        with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
            said = describe.hello(CustomStore)["store"]
        self.assertEqual(("custom_session", "session_key"), (said["table"], said["keyColumn"]))
        names = sorted(said["sentinel"])
        values = [said["sentinel"][name] for name in names]
        values = [b"\x00\xff" if isinstance(value, dict) else value for value in values]
        self.postgres.execute(
            "INSERT INTO custom_session (session_key, %s) VALUES ('sentinel'%s)" % (", ".join(names), ", %s" * len(names)),
            *values
        )

    def test_record_of_the_sidecar_becomes_the_row_it_was(self):
        key = self.saved()
        row = CustomSession.objects.get(pk=key)
        again = records.instance(CustomSession, key, records.row(row, False))
        self.assertIsNotNone(row.extra)
        for field in CustomSession._meta.concrete_fields:
            if field.name != "updated_at":
                self.assertEqual(
                    bytes(getattr(row, field.attname)) if field.name == "token" else getattr(row, field.attname),
                    getattr(again, field.attname), field.name,
                )

    def test_born_in_the_outage_the_row_has_every_column_as_the_engine_writes_it(self):
        for store_class in (CustomStore, CachedStore):
            self.postgres.execute("DELETE FROM custom_session")
            self.sidecar.switch(NORMAL)
            keys = []
            for outage in (False, True):
                if outage:
                    self.sidecar.switch(CACHE, READABLE)
                store = store_class()
                store["account"] = 7
                store.save()
                keys.append(store.session_key)
            caches["default"].clear()
            again = store_class(keys[1])
            self.assertEqual(7, again["account"])
            self.assertEqual((7, {"account": 7, "tags": ["a", None, "\u00fc"]}), (again.account, again.extra))
            again["n"] = "2"
            again.save()
            self.sidecar.replay(self.postgres, "custom_session")
            stock, born = (CustomSession.objects.get(pk=key) for key in keys)
            for field in CustomSession._meta.concrete_fields:
                if field.name not in ("session_key", "session_data", "expire_date", "created_at", "updated_at"):
                    values = [getattr(row, field.attname) for row in (stock, born)]
                    self.assertEqual(*[bytes(value) if field.name == "token" else value for value in values], field.name)
            self.assertGreater(born.created_at, stock.created_at)


class BesideTheServedOne(CustomTable):
    """A store with another table than SESSION_ENGINE's, in the same app: the sidecar knows one table, so this one stays stock."""

    def test_in_fallback_it_goes_to_its_own_table(self):
        for mode, flags in ((CACHE, READABLE), (CACHE, 0), (SKIP_SAVE, 0), (DRAIN, READABLE)):
            self.sidecar.switch(mode, flags)
            key = self.saved()
            self.assertEqual(7, CustomSession.objects.get(pk=key).account)
            caches["default"].clear()
            store = CustomStore(key)
            self.assertEqual((7, True), (store["account"], store.exists(key)))
            store.cycle_key()
            self.assertFalse(CustomSession.objects.filter(pk=key).exists())
            store.flush()
            self.assertFalse(CustomSession.objects.exists())
        self.assertEqual([], [path for path, body in self.sidecar.log if path != "/v1/hello"])

    def test_its_failures_are_stocks_and_flip_nothing(self):
        key = self.saved()
        store = CustomStore(key)
        store["n"] = "2"
        self.make_read_only()
        with self.assertRaises(UpdateError):
            store.save()
        with self.assertRaises(InternalError):
            store.delete()
        self.assertEqual([], self.sidecar.asked("/v1/report"))

    def test_its_row_gone_drops_its_cache_entry(self):
        key = self.saved()
        store = CustomStore(key)
        store["n"] = "2"
        CustomSession.objects.all().delete()
        with self.assertRaises(UpdateError):
            store.save()
        self.assertIsNone(caches["default"].get("custom.cached" + key))


class Wrapped(AdapterTest):
    def test_methods_wrapped_by_others_and_mixins_are_routed_once(self):
        calls = []

        class Mixin:
            def save(self, must_create=False):
                calls.append("mixin")
                return super().save(must_create)

        class Mixed(Mixin, cached_db.SessionStore):
            pass

        Mixed.__qualname__ = "SessionStore"

        import functools

        routed = Mixed.save

        @functools.wraps(routed)
        def wrapped(self, *args, **kwargs):
            calls.append("wrapped")
            return routed(self, *args, **kwargs)

        Mixed.save = wrapped
        store = Mixed()
        store["n"] = "1"
        store.save()
        self.make_read_only()
        del calls[:]
        store = Mixed(store.session_key)
        store["n"] = "2"
        store.save()
        self.assertEqual(["wrapped", "mixin"], calls)
        self.assertEqual(1, len(self.sidecar.asked("/v1/report")))
        self.assertEqual(1, len(self.sidecar.asked("/v1/save")))
