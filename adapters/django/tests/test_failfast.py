"""Fail-fast: in a process that asked for it, the app's own queries fail at once while nothing answers, and only then."""

import json
import os
import subprocess
import sys
import unittest

import django
from session_operator import failfast
from support.case import AdapterTest
from support.served import environment


class Setting(unittest.TestCase):
    def said(self, value):
        code = "import sys; from session_operator import failfast; sys.stdout.write(repr(failfast.wanted()))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment(SESSION_OPERATOR_FAIL_FAST=value), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        return done.stdout.decode(), done.stderr.decode()

    def test_words(self):
        for value, wanted in (("1", "True"), ("TRUE", "True"), ("on", "True"), ("", "False"), ("0", "False"), ("false", "False")):
            self.assertEqual((wanted, ""), self.said(value))
        on, complaint = self.said("maybe")
        self.assertEqual("False", on)
        self.assertIn("write 1 or 0", complaint)

    def test_off_it_changes_nothing(self):
        from django.db.backends.base.base import BaseDatabaseWrapper

        self.assertNotIn("SESSION_OPERATOR_FAIL_FAST", os.environ)
        for name in ("connect", "_cursor", "set_autocommit", "commit"):
            self.assertFalse(hasattr(getattr(BaseDatabaseWrapper, name), "session_operator"))


class FailFast(AdapterTest):
    """The steps are made by a program of its own, in which it is on; here its findings are judged."""

    maxDiff = None

    def test_each_step(self):
        made = environment(SESSION_OPERATOR_FAIL_FAST="1")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "support.failfast"], env=made, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120
        )
        self.assertEqual(0, done.returncode, done.stderr.decode()[-3000:])
        found = json.loads(done.stdout)
        refused = "DatabaseDown"
        self.assertEqual(
            {
                "normal: query": "answered",
                "fallback, answering: query": "answered",
                "fallback, read-only: query": "answered",
                "silent: query": refused,
                "silent: query without a connection": refused,
                "silent: transaction": refused,
                "silent: query in a transaction that began before": refused,
                "silent: commit of a transaction that began before": refused,
                "silent: other database": "answered",
                "silent: session": "saved by the sidecar",
                "silent, sidecar dead: query": "answered",
                "silent: under way when it stopped answering": "OperationalError",
                "silent: connecting when it stopped answering": "OperationalError",
                "answering: under way in a fallback": "answered",
                "drain: query": "answered",
                "normal again: query": "answered",
                "normal again: transaction": "answered",
            },
            {step: outcome for step, (outcome, _) in found.items()},
        )
        for step, (outcome, took) in found.items():
            if step.startswith("silent: under way"):
                self.assertTrue(0.7 < took < 2, (step, took))
            elif step.startswith("silent: connecting"):
                self.assertTrue(1.5 < took < 4, (step, took))  # the driver counts whole seconds, and at least two
            elif outcome == refused:
                self.assertLess(took, 0.1, step)

    def test_the_error_is_one_that_apps_know(self):
        self.assertTrue(issubclass(failfast.DatabaseDown, django.db.OperationalError))
