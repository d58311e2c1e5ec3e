"""The table of allowed failures: what each line lets pass, and what it does not."""
import unittest

from tests.History.judge.allowed import excuse, horizon, interrupted
from tests.History.judge.event import Event

from .history import START, fault


def request(status, kind="read", at=2.0, pod=0, takes=0.1):
    return Event("somebody", pod, kind, START + at, START + at + takes, status, "a", retry_after=status == 503)


class Allowed(unittest.TestCase):
    def check(self, expected, event, *faults, ended=False):
        self.assertEqual(expected, excuse(event, list(faults), ended) is not None)

    def test_nothing_in_peace(self):
        for status in (0, 400, 500, 503):
            self.check(False, request(status))

    def test_a_killed_worker_loses_its_request_and_no_other(self):
        self.check(True, request(0), fault("worker", 1, 2, 0))
        self.check(False, request(0, pod=1), fault("worker", 1, 2, 0))
        self.check(False, request(0, at=3.5), fault("worker", 1, 2, 0))
        self.check(False, request(500), fault("worker", 1, 2, 0))

    def test_without_its_sidecar_a_pod_is_as_stock_while_the_database_is_away(self):
        away = fault("db-stop", 1, 3, settled=4)
        self.check(True, request(400), fault("sidecar", 1, 3, 0), away)
        self.check(False, request(400), fault("sidecar", 1, 3, 0))
        self.check(False, request(400), fault("sidecar", 1, 3, 1), away)
        self.check(False, request(400), away)

    def test_a_database_alone_excuses_no_session_page(self):
        for kind in ("db-stop", "db-immediate", "db-kill", "db-readonly", "db-freeze"):
            for status in (400, 500, 503):
                self.check(False, request(status), fault(kind, 1, 3))

    def test_a_database_excuses_pages_that_need_it(self):
        self.check(True, request(500, "user"), fault("db-stop", 1, 3))
        self.check(False, request(500, "user"), fault("db-readonly", 1, 3))
        self.check(False, request(400, "user"), fault("db-stop", 1, 3))

    def test_an_end_may_be_refused_until_the_fleet_is_back(self):
        self.check(True, request(503, "flush", at=4), fault("db-readonly", 1, 3, settled=4.5))
        self.check(False, request(503, "flush", at=6), fault("db-readonly", 1, 3, settled=4.5))
        self.check(False, request(400, "flush"), fault("db-readonly", 1, 3))

    def test_an_emptied_cache_and_a_database_that_cannot_be_read(self):
        self.check(True, request(503, at=8), fault("cache-stop", 1, 2), fault("db-stop", 1, 9))
        self.check(False, request(503, at=8), fault("cache-stop", 1, 2), fault("db-readonly", 1, 9))
        self.check(True, request(503, at=4), fault("cache-stop", 1, 2))
        self.check(False, request(500, at=4), fault("cache-stop", 1, 2))
        self.check(False, request(400, at=1.5), fault("cache-stop", 1, 2))

    def test_a_session_that_only_the_database_knows_to_be_ended(self):
        self.check(True, request(503), fault("db-stop", 1, 3), ended=True)
        self.check(False, request(503), fault("db-readonly", 1, 3), ended=True)

    def test_an_operator_excuses_nothing(self):
        for status in (0, 400, 500, 503):
            self.check(False, request(status), fault("operator", 1, 3))

    def test_how_late_a_change_may_come_into_effect(self):
        self.assertEqual(START + 2.1, horizon(request(500), [fault("db-stop", 1, 3)]))
        self.assertEqual(START + 4.0, horizon(request(500), [fault("db-freeze", 1, 3)]))

    def test_whose_promise_is_void(self):
        self.assertFalse(interrupted(request(503), [fault("db-stop", 1, 3)]))
        self.assertTrue(interrupted(request(503), [fault("sidecar", 1, 3, 0)]))
        self.assertFalse(interrupted(request(503), [fault("sidecar", 1, 3, 1)]))
        self.assertTrue(interrupted(request(503, takes=2.0), []))
