"""A program: meets one fault after the other with Django's db store and prints what the classifier makes of what was raised.

`python -m support.driver_faults psycopg2|psycopg|mysqlclient` prints one JSON object: situation -> {operation: verdict}.
"""

import json
import sys

import django
from django.conf import settings

from support import servers
from support.mariadb import DATABASE, PASSWORD, USER, MariaDb

DRIVER = sys.argv[1]
MYSQL = DRIVER == "mysqlclient"


def configure():
    if MYSQL:
        server = MariaDb()
        server.start()
        database = {"ENGINE": "django.db.backends.mysql", "NAME": DATABASE, "USER": USER, "PASSWORD": PASSWORD}
    else:
        server = servers.postgres
        server.start()
        database = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "app", "PASSWORD": "not checked"}
    database.update(HOST="127.0.0.1", PORT=server.port, CONN_MAX_AGE=None, OPTIONS={"connect_timeout": 2})
    settings.configure(
        DATABASES={"default": database}, INSTALLED_APPS=["django.contrib.sessions"], SECRET_KEY="only for tests", USE_TZ=True
    )
    django.setup()
    return server


server = configure()

from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import OperationalError, connections  # noqa: E402

from session_operator import classify  # noqa: E402

connection = connections["default"]


def saved():
    store = SessionStore()
    store["n"] = 1
    store.save()
    return store.session_key


def change(key):
    store = SessionStore(key)
    store._session_cache = {"n": 2}
    store.save()


OPERATIONS = {
    "save": change,
    "load": lambda key: SessionStore(key).load(),
    "create": lambda key: saved(),
    "delete": lambda key: SessionStore(key).delete(),
}
met = {}


def meet(situation, key, operations=OPERATIONS, fresh=False):
    verdicts = met[situation] = {}
    for name in operations:
        if fresh:
            connection.close()
        try:
            OPERATIONS[name](key)
        except Exception as error:
            verdicts[name] = classify.verdict(error) or "not ours"
        else:
            verdicts[name] = "no error"


def shown(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def anew(**changed):
    connection.close()
    connection.settings_dict.update(changed)


def common():
    meet("row gone", "z" * 32, ["save"])
    key = saved()
    server.read_only(True)
    if not MYSQL:
        servers.wait_until(lambda: shown("SHOW transaction_read_only") == "on")
    meet("read-only", key)
    server.read_only(False)
    if not MYSQL:
        servers.wait_until(lambda: shown("SHOW transaction_read_only") == "off")
    for end in (server.stop, server.kill):
        name = end.__name__
        for operation in OPERATIONS:
            anew()
            key = saved()
            end()
            meet("stale connection after %s: %s" % (name, operation), key, [operation])
            meet("second use after %s: %s" % (name, operation), key, [operation])
            if operation == "delete":
                meet("connecting after " + name, key, fresh=True)
            server.start()
        anew()
        key = saved()
        end()
        server.start()
        meet("server back after %s, stale connection" % name, key, ["save"])
        anew()
    key = saved()
    backend = shown("SELECT connection_id()" if MYSQL else "SELECT pg_backend_pid()")
    server.execute("KILL %d" % backend if MYSQL else "SELECT pg_terminate_backend(%d, 5000)" % backend)
    meet("backend killed", key, ["save"])
    anew(NAME="nowhere")
    meet("no such database", key)
    anew(NAME=DATABASE if MYSQL else "postgres")
    return key


def of_mysql(key):
    for host in ("127.0.0.1", "localhost"):
        server.execute("ALTER USER app@'%s' WITH MAX_USER_CONNECTIONS 1" % host)
    anew()
    held = server.as_app()
    meet("connections of the user used up", key, fresh=True)
    held.close()
    for host in ("127.0.0.1", "localhost"):
        server.execute("ALTER USER app@'%s' WITH MAX_USER_CONNECTIONS 0" % host)
    held = []
    try:
        while True:
            held.append(server.as_app())
    except Exception as full:
        assert full.args[0] == 1040, full
    meet("connections of the server used up", key, fresh=True)
    for one in held:
        one.close()
    servers.wait_until(lambda: OPERATIONS["load"](key), what="a connection is free again")
    holder = server.as_app()
    holder.cursor().execute("SELECT 1 FROM django_session FOR UPDATE")
    shown_nothing("SET innodb_lock_wait_timeout = 1")
    meet("row locked", key, ["save", "delete"])
    shown_nothing("SET innodb_lock_wait_timeout = 50", "SET max_statement_time = 0.2")
    meet("statement took too long", key, ["save", "delete"])
    holder.close()
    anew(PASSWORD="wrong")
    meet("wrong password", key)
    anew(PASSWORD=PASSWORD)


def of_postgresql(key):
    server.execute("CREATE ROLE small LOGIN CONNECTION LIMIT 1")
    anew(USER="small")
    meet("no permission", key)
    other = connection.copy("other")
    anew()
    servers.wait_until(lambda: connected(other), what="the place of the closed connection is free")
    meet("connections of the user used up", key, fresh=True)
    other.close()
    anew(USER="nobody")
    meet("no such user", key)
    anew(USER="app")
    holder = server.connect()
    holder.autocommit = False
    holder.cursor().execute("SELECT 1 FROM django_session FOR UPDATE")
    shown_nothing("SET lock_timeout = '100ms'")
    meet("row locked", key, ["save", "delete"])
    shown_nothing("SET lock_timeout = 0", "SET statement_timeout = '100ms'")
    meet("statement took too long", key, ["save", "delete"])
    holder.close()
    anew()


def connected(other):
    try:
        other.ensure_connection()
    except OperationalError:
        return False
    return True


def shown_nothing(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


call_command("migrate", verbosity=0)
name = connection.Database.__name__
assert name == {"mysqlclient": "MySQLdb"}.get(DRIVER, DRIVER), name
(of_mysql if MYSQL else of_postgresql)(common())
shown_nothing("ALTER TABLE django_session RENAME TO elsewhere")
meet("no table", "z" * 32)
connection.close()
server.freeze()
meet("frozen, connecting", "z" * 32, ["load"], fresh=True)
server.kill()
print(json.dumps(met))
