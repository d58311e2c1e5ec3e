"""End to end, with a short fault: one test a scenario, stock and protected, and one for each chaos case."""
import atexit
import unittest

from demo.harness import bars, chaos, scenario
from demo.harness.entry import RESULTS
from demo.harness.stack import Workplace

LENGTHS = scenario.Lengths(warm=5.0, fault=6.0)
CHAOS_LENGTHS = scenario.Lengths(warm=5.0, fault=10.0)


def say(line):
    print(line, flush=True)


class WithDatabase(unittest.TestCase):
    """The prepared database is made once, and copied by each run."""
    workplace = None

    @classmethod
    def setUpClass(cls):
        if WithDatabase.workplace is None:
            WithDatabase.workplace = Workplace(f"{RESULTS}/test-logs")
            atexit.register(WithDatabase.workplace.remove)
            WithDatabase.workplace.prepare()


class Scenarios(WithDatabase):
    def shows(self, name):
        for variant in ("stock", "protected"):
            outcome = scenario.run(self.workplace, name, variant == "protected", LENGTHS, say)
            missed = bars.missed(outcome.entry)
            with self.subTest(variant=variant):
                self.assertEqual([], missed, outcome.entry["findings"])

    def test_stop(self):
        self.shows("stop")

    def test_kill9(self):
        self.shows("kill9")

    def test_readonly(self):
        self.shows("readonly")

    def test_freeze(self):
        self.shows("freeze")

    def test_freeze_with_pages_that_query_the_database(self):
        self.shows("freeze-mixed")


class Chaos(WithDatabase):
    def holds(self, name):
        result, = chaos.run_all(self.workplace, [name], CHAOS_LENGTHS, say)
        self.assertEqual([], result["missed"], result["findings"])

    def test_sidecar_dies_in_the_outage(self):
        self.holds("sidecar")

    def test_operator_dies_in_the_outage(self):
        self.holds("operator")

    def test_both_die_in_the_outage(self):
        self.holds("both")

    def test_both_die_and_come_back_after_the_database(self):
        self.holds("late")

    def test_each_dies_in_normal_operation(self):
        self.holds("idle")
