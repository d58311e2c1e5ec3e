"""A program: an app that has fail-fast on asks its frozen, read-only and healthy database; prints step -> [outcome, seconds]."""

import json
import threading
import time

from support.case import AdapterTest, servers, sidecar
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE

from django.db import Error, close_old_connections, connections, transaction

from session_operator import runtime

SILENT = 8
found = {}
connections.databases["other"] = dict(connections.databases["default"])
test = AdapterTest()
test.postgres, test.memcached, test.sidecar = servers.postgres, servers.memcached, sidecar


def step(name, operation):
    close_old_connections()  # a request's boundary
    started = time.monotonic()
    try:
        outcome = operation() or "answered"
    except Error as error:
        outcome = type(error).__name__
    found[name] = [outcome, time.monotonic() - started]


def query(alias="default", statement="SELECT 1"):
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        cursor.fetchone()


def in_transaction():
    with transaction.atomic():
        query()


def session():
    store = test.store(key)
    store["n"] = "2"
    store.save()
    return "saved by the sidecar" if sidecar.records[key]["columns"] else "nothing"


def freeze():
    servers.postgres.freeze()
    sidecar.switch(CACHE, SILENT)


def thaw():
    sidecar.switch(NORMAL)
    servers.postgres.thaw()


def began_before(then):
    """A transaction that began in Normal meets the frozen server."""

    def operation():
        with transaction.atomic():
            query()
            freeze()
            then()

    return operation


sidecar.deadline = 800
test._heal()
sidecar.deadline = 800
sidecar.write_page()
key = test.browser(n="1").key
servers.wait_until(lambda: runtime.served_alias() == "default", what="hello of this process")

step("normal: query", query)
sidecar.switch(CACHE)
step("fallback, answering: query", query)
sidecar.switch(CACHE, READABLE)
step("fallback, read-only: query", query)
freeze()
step("silent: query", query)
step("silent: query without a connection", query)
step("silent: transaction", in_transaction)
step("silent: session", session)
thaw()
step("silent: query in a transaction that began before", began_before(query))
thaw()
step("silent: commit of a transaction that began before", began_before(lambda: None))
thaw()
sidecar.switch(CACHE, SILENT)
step("silent: other database", lambda: query("other"))
sidecar.stop_heart()
step("silent, sidecar dead: query", query)
sidecar.kill()
sidecar.start()
runtime.look()
sidecar.switch(CACHE)
step("answering: under way in a fallback", lambda: query(statement="SELECT pg_sleep(1.5)"))
sidecar.switch(NORMAL)
query()
servers.postgres.freeze()
threading.Timer(0.2, sidecar.switch, (CACHE, SILENT)).start()
step("silent: under way when it stopped answering", query)
servers.postgres.thaw()
sidecar.switch(NORMAL)
connections["default"].close()
servers.postgres.freeze()
threading.Timer(0.2, sidecar.switch, (CACHE, SILENT)).start()
step("silent: connecting when it stopped answering", query)
servers.postgres.thaw()
sidecar.switch(DRAIN, READABLE)
step("drain: query", query)
sidecar.switch(NORMAL)
step("normal again: query", query)
step("normal again: transaction", in_transaction)
print(json.dumps(found))
