"""The pure parts: the classifier, what hello says of databases and caches, what the watchdog may touch."""

from support.case import AdapterTest, connection, runtime

import socket
import time
import types
from unittest import mock

from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from django.db.transaction import TransactionManagementError
from django.db.utils import ConnectionHandler
from django.test import override_settings
from session_operator import classify, columns, deadline, describe, records
from support.app.custom import SessionStore as CustomStore


def driver_error(module, name="OperationalError", *args, **attributes):
    error = type(name, (Exception,), {"__module__": module})(*args)
    for attribute, value in attributes.items():
        setattr(error, attribute, value)
    return error


def raised(kind, cause, update_error=False):
    """An error chained as Django chains it."""
    try:
        try:
            raise kind("x") from cause
        except DatabaseError:
            if update_error:
                raise UpdateError
            raise
    except Exception as error:
        return error


class Classifier(AdapterTest):
    def test_postgresql(self):
        cases = {
            "25006": classify.READ_ONLY,
            "08006": classify.UNREACHABLE, "53300": classify.UNREACHABLE, "53100": classify.UNREACHABLE,
            "57P01": classify.UNREACHABLE, "57P03": classify.UNREACHABLE, "58030": classify.UNREACHABLE,
            "55P03": classify.BUSY, "57014": classify.BUSY, "40001": classify.BUSY, "40P01": classify.BUSY,
            "42P01": None, "42501": None, "28P01": None, "23505": None, "25P02": None, "22001": None,
        }
        for state, verdict in cases.items():
            for driver, attribute in (("psycopg2.errors", "pgcode"), ("psycopg.errors", "sqlstate")):
                for update_error in (False, True):
                    cause = driver_error(driver, **{attribute: state})
                    error = raised(OperationalError, cause, update_error)
                    self.assertEqual(verdict, classify.verdict(error), (state, driver))
                    self.assertEqual("OperationalError", classify.detail(error))

    def test_postgresql_without_sqlstate_goes_by_the_text_of_refusals(self):
        refused = 'connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  '
        cases = {
            "connection to server failed: Connection refused": classify.UNREACHABLE,
            "server closed the connection unexpectedly": classify.UNREACHABLE,
            "timeout expired": classify.UNREACHABLE,
            refused + "the database system is starting up": classify.UNREACHABLE,
            refused + "the database system is shutting down": classify.UNREACHABLE,
            refused + "sorry, too many clients already": classify.UNREACHABLE,
            refused + 'password authentication failed for user "app"': None,
            refused + 'database "shop" does not exist': None,
            refused + 'role "app" does not exist': None,
            refused + 'no pg_hba.conf entry for host "10.0.0.2"': None,
            refused + 'permission denied for database "shop"': None,
        }
        for text, verdict in cases.items():
            cause = driver_error("psycopg2", "OperationalError", text, pgcode=None)
            self.assertEqual(verdict, classify.verdict(raised(OperationalError, cause)), text)
        closed = driver_error("psycopg2", "InterfaceError", "connection already closed", pgcode=None)
        try:
            raise InterfaceError("connection already closed") from closed
        except InterfaceError as error:
            self.assertEqual(classify.UNREACHABLE, classify.verdict(error))
        odd = driver_error("psycopg2", "ProgrammingError", "can't adapt", pgcode=None)
        self.assertIsNone(classify.verdict(raised(ProgrammingError, odd)))

    def test_mysql(self):
        cases = {
            classify.READ_ONLY: (1290, 1792, 1836, 1036, 1223),
            classify.UNREACHABLE: (2002, 2003, 2006, 2013, 1053, 1927, 1040, 1203, 1226, 1047, 3032, 1021, 1114),
            classify.BUSY: (1205, 1213, 1969, 3024, 1317),
            None: (1045, 1044, 1049, 1146, 1062, 1142),
        }
        for verdict, numbers in cases.items():
            for number in numbers:
                for driver in ("MySQLdb", "pymysql.err"):
                    cause = driver_error(driver, "OperationalError", number, "text")
                    self.assertEqual(verdict, classify.verdict(raised(OperationalError, cause, True)), number)

    def test_what_django_raises_itself(self):
        self.assertEqual(classify.ROW_GONE, classify.verdict(raised(DatabaseError, None, True)))
        not_updated = type("NotUpdated", (DatabaseError,), {})  # Django 6
        self.assertEqual(classify.ROW_GONE, classify.verdict(raised(not_updated, None, True)))
        self.assertIsNone(classify.verdict(raised(TransactionManagementError, None, True)))
        self.assertIsNone(classify.verdict(raised(DatabaseError, None)))
        self.assertIsNone(classify.verdict(UpdateError()))
        self.assertIsNone(classify.verdict(ValueError("x")))

    def test_other_databases_are_left_alone(self):
        cause = driver_error("sqlite3", "OperationalError", "no such table: django_session")
        self.assertIsNone(classify.verdict(raised(OperationalError, cause)))


class Watchdog(AdapterTest):
    def setUp(self):
        super().setUp()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        self.known = types.SimpleNamespace(words=[0, 1000 << 16, 0, 0, 0], deadline=0.01)

    def alive(self):
        number = connection.connection.fileno()
        with socket.socket(fileno=__import__("os").dup(number)) as mirror:
            mirror.setblocking(False)
            try:
                return mirror.recv(1, socket.MSG_PEEK) != b""
            except BlockingIOError:
                return True

    def test_a_call_that_is_over_is_never_touched(self):
        with deadline.Watch([connection], self.known):
            pass
        time.sleep(0.02)
        deadline.cut_overdue(self.known.words[1])
        self.assertTrue(self.alive())

    def test_a_call_in_time_is_not_touched_and_a_late_one_is(self):
        self.known.deadline = 0.2
        with self.assertRaises(ValueError) as caught, deadline.Watch([connection], self.known):
            deadline.cut_overdue(self.known.words[1])
            self.assertTrue(self.alive())
            time.sleep(0.21)
            deadline.cut_overdue(self.known.words[1])
            self.assertFalse(self.alive())
            raise ValueError
        self.assertTrue(caught.exception.session_operator_cut)

    def test_only_a_call_that_takes_long_is_watched_closely(self):
        self.known.deadline = 2
        self.assertEqual(deadline.IDLE, deadline.cut_overdue(self.known.words[1]))
        with deadline.Watch([connection], self.known) as watch:
            self.assertEqual(deadline.IDLE, deadline.cut_overdue(self.known.words[1]))
            watch.started -= 0.11
            self.assertEqual(deadline.CLOSE, deadline.cut_overdue(self.known.words[1]))
        self.assertEqual(deadline.IDLE, deadline.cut_overdue(self.known.words[1]))

    def test_a_call_is_watched_closely_before_a_short_deadline(self):
        self.known.deadline = 0.2
        with deadline.Watch([connection], self.known):
            self.assertEqual(deadline.CLOSE, deadline.cut_overdue(self.known.words[1]))

    def test_a_call_that_finished_while_it_was_cut_gives_its_connection_up(self):
        with deadline.Watch([connection], self.known):
            time.sleep(0.02)
            deadline.cut_overdue(self.known.words[1])
        self.assertIsNone(connection.connection)

    def test_a_flip_spares_the_callers_transaction(self):
        from django.db import transaction

        self.known.deadline = 0
        with transaction.atomic(), deadline.Watch([connection], self.known):
            deadline.cut_overdue(1000 << 16 | 2)
            self.assertTrue(self.alive())
        with self.assertRaises(ValueError), deadline.Watch([connection], self.known):
            deadline.cut_overdue(1000 << 16 | 1 << 8 | 2)  # readable: left alone
            self.assertTrue(self.alive())
            deadline.cut_overdue(1000 << 16 | 2)
            self.assertFalse(self.alive())
            raise ValueError


class Columns(AdapterTest):
    def test_no_value_waits_for_the_server_to_say_what_it_can(self):
        settings = dict(connection.settings_dict, ENGINE="django.db.backends.mysql", HOST="127.0.0.1", PORT="1")
        away = ConnectionHandler({"default": settings})["default"]
        self.assertRaises(OperationalError, away.ensure_connection)

        class Unknown(type(away.features)):
            def __getattribute__(self, name):
                raise OperationalError("the server would have to be asked for %s" % name)

        away.features = Unknown(away)
        session = CustomStore("k" * 32, address="10.0.0.1")
        session._session_cache = {}
        row = session.create_model_instance({"account": 7})
        written = {
            field.column: columns.to_json(field, field.pre_save(row, True), away)
            for field in row._meta.concrete_fields if not field.primary_key
        }
        self.assertEqual(("%032x" % 7, 7 * 86400 * 10**6 + 1500), (written["device"], written["idle"]))


class Descriptions(AdapterTest):
    def test_caches(self):
        backends = "django.core.cache.backends."
        cases = {
            "locmem.LocMemCache": "none",
            "dummy.DummyCache": "none",
            "filebased.FileBasedCache": "none",
            "db.DatabaseCache": "DatabaseCache",
            "memcached.PyMemcacheCache": "memcached",
        }
        for backend, kind in cases.items():
            with override_settings(CACHES={"default": {"BACKEND": backends + backend, "LOCATION": "/tmp/x;127.0.0.1:1"}}):
                said = describe._cache()
                self.assertEqual(kind, said["kind"])
                self.assertEqual(["/tmp/x", "127.0.0.1:1"] if kind == "memcached" else [], said["servers"])

    def test_several_hosts_of_one_database(self):
        for host, port, said in (
            ("db1,db2", "", "db1:5432,db2:5432"), ("db1, db2", "6432", "db1:6432,db2:6432"), ("db1,db2", "5432,5433", "db1:5432,db2:5433")
        ):
            with mock.patch.dict(connection.settings_dict, HOST=host, PORT=port):
                described = describe._database(connection)
            self.assertEqual((said, None), (described["host"], described["port"]))
        with mock.patch.dict(connection.settings_dict, HOST="", PORT=""):
            self.assertEqual(("/var/run/postgresql", 5432), tuple(describe._database(connection)[name] for name in ("host", "port")))

    def test_base_of_rows_without_a_timestamp_is_unknown(self):
        self.assertIsNone(records.base("bm90IHNpZ25lZA=="))
        self.assertEqual(len("payload:"), records.base("payload:1abc:sig")["length"])

    def test_hello_that_cannot_be_said_fails_no_request(self):
        browser = self.browser(n="1")
        self.sidecar.knows_app = False
        self.make_read_only()
        original = describe._database
        describe._database = lambda connection: 1 / 0
        try:
            self.assertEqual(400, browser.page("read").status_code)
        finally:
            describe._database = original
        self.assertIsNotNone(runtime.current())
        self.assertEqual(200, browser.page("read").status_code)
