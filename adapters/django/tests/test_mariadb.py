"""The whole on MariaDB through mysqlclient: a real server is stopped, killed, made read-only and frozen under a real app."""

import subprocess
import sys
import unittest

import MySQLdb

from support import servers
from support.mariadb import DATABASE, MariaDb
from support.outage import CustomOutage, Outage
from support.served import ServedApp, environment

servers.start_all()


class MariaDbOutages(Outage, unittest.TestCase):
    engine = "django.contrib.sessions.backends.cached_db"
    table = "django_session"

    @classmethod
    def setUpClass(cls):
        cls.database = MariaDb()
        cls.addClassCleanup(cls.database.kill)
        cls.database.start()
        more = {
            "TEST_MARIADB_PORT": str(cls.database.port), "TEST_MEMCACHED_PORT": str(servers.memcached.port), "TEST_ENGINE": cls.engine,
        }
        made = environment(SESSION_OPERATOR_DIR="/nonexistent", **more)
        subprocess.run([sys.executable, "-m", "support.app.prepare"], env=made, check=True)
        cls.app = ServedApp("gthread", **more)
        cls.addClassCleanup(cls.app.stop)
        cls.app.start()

    def setUp(self):
        self.begin()

    def rows(self):
        return dict(self.database.execute("SELECT session_key, session_data FROM %s.%s" % (DATABASE, self.table)))

    def columns(self, key, names):
        what = "SELECT %s FROM %s.%s WHERE session_key = %%s" % (", ".join(names), DATABASE, self.table)
        return self.database.execute(what, (key,))[0]

    def last_login(self):
        return self.database.execute("SELECT last_login FROM %s.auth_user" % DATABASE)[0][0]


class CachedDb(MariaDbOutages):
    def test_stop(self):
        self.database.stop()
        self.live_through()
        self.database.start()
        self.compare()

    def test_kill_9(self):
        self.database.kill()
        self.live_through()
        self.database.start()
        self.compare()

    def test_frozen(self):
        self.database.freeze()
        try:
            self.live_through()
        finally:
            self.database.thaw()
        self.compare()

    def test_read_only(self):
        self.app.restart().knows_the_sidecar()
        leaver = self.app.browser()
        self.ok(leaver, "login")
        left_key, before = leaver.key, self.last_login()
        self.database.read_only(True)
        try:
            self.live_through()
            comer = self.app.browser()
            self.ok(comer, "login")
            self.assertEqual("ada", self.ok(comer, "user").body)
            self.ok(leaver, "logout")
            self.assertEqual(before, self.last_login())
        finally:
            self.database.read_only(False)
        self.compare()
        self.assertGreater(self.last_login(), before)
        self.assertIn(comer.key, self.rows())
        self.assertNotIn(left_key, self.rows())
        self.assertEqual("ada", self.ok(comer, "user").body)

    def test_global_read_lock(self):
        """FLUSH TABLES WITH READ LOCK shows in no flag: writes wait, reads do not."""
        holder = MySQLdb.connect(unix_socket=self.database.socket, user="root")
        holder.cursor().execute("FLUSH TABLES WITH READ LOCK")
        try:
            self.live_through()
        finally:
            holder.close()
        self.compare()


class Db(MariaDbOutages):
    engine = "django.contrib.sessions.backends.db"
    test_read_only = CachedDb.test_read_only


class Custom(CustomOutage, MariaDbOutages):
    """The db engine under a store of the app's own; cached_db is served on PostgreSQL."""

    engine = "support.app.custom"

    def test_born_rows_have_every_column(self):
        self.born_rows_have_every_column()
