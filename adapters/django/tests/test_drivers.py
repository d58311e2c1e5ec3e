"""The classifier against what the servers really raise through each driver: no fault is missed, nothing else is taken for one."""

import json
import os
import subprocess
import sys
import unittest

import django

UNPACK = os.path.join(os.path.dirname(__file__), "../../../scripts/django/unpack")
ALL = ("save", "load", "create", "delete")


def all_of(verdict):
    return dict.fromkeys(ALL, verdict)


def expected(mysql):
    table = {
        "row gone": {"save": "row_gone"},
        "read-only": dict(all_of("read_only"), load="no error"),
        "backend killed": {"save": "unreachable"},
        "no such database": all_of("not ours"),
        "connections of the user used up": all_of("unreachable"),
        "row locked": {"save": "busy", "delete": "busy"},
        "statement took too long": {"save": "busy", "delete": "busy"},
        "no table": all_of("not ours"),
        "frozen, connecting": {"load": "unreachable"},
    }
    for end in ("stop", "kill"):
        for operation in ALL:
            table["stale connection after %s: %s" % (end, operation)] = {operation: "unreachable"}
            table["second use after %s: %s" % (end, operation)] = {operation: "unreachable"}
        table["connecting after " + end] = all_of("unreachable")
        table["server back after %s, stale connection" % end] = {"save": "unreachable"}
    if mysql:
        table["connections of the server used up"] = all_of("unreachable")
        table["wrong password"] = all_of("not ours")
    else:
        table["no permission"] = all_of("not ours")
        table["no such user"] = all_of("not ours")
    return table


class Drivers(unittest.TestCase):
    maxDiff = None

    def judge(self, driver, *more):
        path = os.pathsep.join([os.environ["PYTHONPATH"], os.getcwd(), *more])
        environment = dict(os.environ, PYTHONPATH=path, SESSION_OPERATOR_DIR="/nonexistent")
        environment.pop("DJANGO_SETTINGS_MODULE")
        done = subprocess.run(
            [sys.executable, "-m", "support.driver_faults", driver], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.assertEqual(0, done.returncode, done.stderr.decode()[-3000:])
        self.assertEqual(expected(driver == "mysqlclient"), json.loads(done.stdout))

    def test_psycopg2(self):
        self.judge("psycopg2")

    def test_psycopg(self):
        if django.VERSION < (4, 2):
            from django.db.backends.postgresql import base

            return self.assertEqual("psycopg2", base.Database.__name__)  # Django speaks psycopg 3 from 4.2 on
        folder = subprocess.run([UNPACK, "psycopg"], check=True, stdout=subprocess.PIPE).stdout.decode().strip()
        self.judge("psycopg", folder)

    def test_mysqlclient(self):
        self.judge("mysqlclient")
