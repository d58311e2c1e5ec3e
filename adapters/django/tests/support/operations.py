"""What the tests of the mode table share: statements counted, sessions made, and the two engines."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from support.case import DB


class Operations:
    """Mixed into each class of tests."""

    def no_queries(self):
        return self.queries(0)

    def queries(self, expected):
        test = self

        class Counted(CaptureQueriesContext):
            def __exit__(self, kind, error, traceback):
                super().__exit__(kind, error, traceback)
                if kind is None:
                    test.assertEqual(expected, len(self), [query["sql"] for query in self])

        return Counted(connection)

    def saved(self, **data):
        store = self.store()
        store.update(data)
        store.save()
        return store.session_key


class CachedDb:
    """The engine cached_db."""

    def clear_cache(self):
        from django.core.cache import caches

        caches["default"].clear()

    def base_of_row(self, key):
        return base_of_row(self, key)


class Db:
    """The engine db."""

    engine = DB

    def clear_cache(self):
        pass

    def base_of_row(self, key):
        return base_of_row(self, key)


def base_of_row(test, key):
    return base_of(test.postgres.execute("SELECT session_data FROM django_session WHERE session_key = %s", key)[0][0])


def base_of(data):
    """Computed here once more, from the contract's words."""
    import base64
    import hashlib

    payload, timestamp, signature = data.split(":")
    prefix = (payload + ":").encode()
    return {"length": len(prefix), "sha256": base64.b64encode(hashlib.sha256(prefix).digest()).decode()}
