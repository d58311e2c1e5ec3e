"""While our own parts are dead, only what stock would have failed may fail."""
import unittest

from demo.harness.chaos import allowed
from demo.harness.client import Event

TIMES = {"fault": 10.0, "lifted": 25.0}
DEAD = [(14.0, 19.0, True)]


def failed(sent, status=400, windows=DEAD, database_away=True):
    return allowed(Event("user0", "light", sent, sent + 0.05, status), TIMES, windows, database_away)


class Allowed(unittest.TestCase):
    def test_stock_failures_while_the_sidecar_is_dead_in_the_outage(self):
        for status in (400, 500, 503):
            self.assertTrue(failed(15.0, status))

    def test_a_request_in_flight_when_the_sidecar_died(self):
        self.assertTrue(failed(13.99))

    def test_nothing_before_the_kill_or_after_the_restart(self):
        self.assertFalse(failed(13.0))
        self.assertFalse(failed(21.0))

    def test_no_answer_and_other_statuses_never(self):
        self.assertFalse(failed(15.0, 0))
        self.assertFalse(failed(15.0, 502))

    def test_nothing_with_only_the_operator_dead(self):
        self.assertFalse(failed(15.0, windows=[(14.0, 19.0, False)]))

    def test_nothing_with_a_healthy_database(self):
        self.assertFalse(failed(15.0, database_away=False))
        self.assertFalse(failed(27.0, windows=[(14.0, 30.0, True)]))
