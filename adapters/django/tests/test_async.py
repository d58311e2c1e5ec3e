"""The asynchronous methods of Django 5.1 and later take the way of the synchronous ones; before, there are none."""

from support.case import CACHED_DB, DB, AdapterTest

from asgiref.sync import async_to_sync
from django import VERSION
from django.core.cache import caches
from session_operator import composites
from session_operator.errors import SessionUnavailable
from support.sidecar import CACHE, NORMAL, READABLE


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
