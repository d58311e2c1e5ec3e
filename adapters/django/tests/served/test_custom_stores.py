"""Stores with columns of their own, on both of Django's engines: a row born in an outage is as the engine would have written it."""

import subprocess
import sys

from support.case import AdapterTest
from support.outage import CustomOutage
from support.served import ServedApp, environment


class OnCachedDb(CustomOutage, AdapterTest):
    custom = "support.app.custom_cached"

    @classmethod
    def setUpClass(cls):
        made = environment(TEST_ENGINE=cls.custom, SESSION_OPERATOR_DIR="/nonexistent")
        subprocess.run([sys.executable, "-m", "support.app.prepare"], env=made, check=True)
        cls.app = ServedApp("gthread", TEST_ENGINE=cls.custom)
        cls.addClassCleanup(cls.app.stop)
        cls.app.start()

    def setUp(self):
        super().setUp()
        self.database = self.postgres
        self.begin()

    def rows(self):
        return dict(self.postgres.execute("SELECT session_key, session_data FROM " + self.table))

    def columns(self, key, names):
        what = "SELECT %s FROM %s WHERE session_key = %%s" % (", ".join(names), self.table)
        return tuple(bytes(value) if isinstance(value, memoryview) else value for value in self.postgres.execute(what, key)[0])

    def test_born_rows_have_every_column(self):
        self.born_rows_have_every_column()


class OnDb(OnCachedDb):
    custom = "support.app.custom"
