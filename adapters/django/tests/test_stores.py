"""Stores of others: custom models and columns, subclasses that override or wrap methods, mixins, own caches."""

from support.case import AdapterTest

from django.contrib.sessions.backends import cached_db, db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.cache import caches
from django.db import connection, models
from django.test import override_settings
from session_operator import records
from support.sidecar import CACHE, READABLE


class CustomSession(AbstractBaseSession):
    account = models.IntegerField(null=True, db_column="account_no")
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    token = models.BinaryField(default=b"\x00\xff")

    class Meta:
        app_label = "sessions"
        db_table = "custom_session"

    @classmethod
    def get_session_store_class(cls):
        return CustomStore


class CustomStore(db.SessionStore):
    """As django-qsessions and django-user-sessions do it: more columns, its own cache in front of the db store."""

    cache_key_prefix = "custom.cached"

    def __init__(self, session_key=None, address=None):
        self._cache = caches["default"]
        self.account, self.address = None, address
        super().__init__(session_key)

    @classmethod
    def get_model_class(cls):
        return CustomSession

    @property
    def cache_key(self):
        return self.cache_key_prefix + self._get_or_create_session_key()

    def create_model_instance(self, data):
        instance = super().create_model_instance(data)
        instance.account, instance.address = data.get("account"), self.address
        return instance

    def _get_session_from_db(self):
        row = super()._get_session_from_db()
        if row:
            self.account = row.account
            self.address = row.address
        return row

    def load(self):
        data = self._cache.get(self.cache_key)
        if data is None:
            row = self._get_session_from_db()
            if row:
                data = self.decode(row.session_data)
                self._cache.set(self.cache_key, data, self.get_expiry_age(expiry=row.expire_date))
            else:
                data = {}
        return data

    def save(self, must_create=False):
        super().save(must_create)
        self._cache.set(self.cache_key, self._session, self.get_expiry_age())

    def delete(self, session_key=None):
        super().delete(session_key)
        key = self.session_key if session_key is None else session_key
        if key is not None:
            self._cache.delete(self.cache_key_prefix + key)


class CustomStores(AdapterTest):
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

    def saved(self):
        store = CustomStore(address="10.0.0.1")
        store["account"] = 7
        store.save()
        return store.session_key

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
            {"session_data", "expire_date", "account_no", "address", "created_at", "updated_at", "token"}, set(columns)
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
        for field in CustomSession._meta.concrete_fields:
            if field.name != "updated_at":
                self.assertEqual(
                    bytes(getattr(row, field.attname)) if field.name == "token" else getattr(row, field.attname),
                    getattr(again, field.attname), field.name,
                )

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
