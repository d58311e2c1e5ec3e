"""Real processes, real faults: every seed must end without a violation. SEEDS and FIRST choose others than 1 to 50."""
import os
import shutil
import unittest

from demo.harness.stack import Workplace
from tests.History import record
from tests.History.seed import run
from tests.History.stage.fleet import Fleet

FIRST, SEEDS = int(os.environ.get("FIRST", "1")), int(os.environ.get("SEEDS", "50"))


class Seeds(unittest.TestCase):
    fleet = None

    @classmethod
    def setUpClass(cls):
        shutil.rmtree(record.LOGS, ignore_errors=True)
        cls.workplace = Workplace(record.LOGS)
        cls.addClassCleanup(cls.workplace.remove)
        cls.workplace.prepare()
        cls.fleet = cls.enterClassContext(Fleet(cls.workplace))

    def check(self, seed):
        outcome = run(self.fleet, seed)
        told = record.keep(outcome, self.fleet) if outcome.violations else record.summary(outcome)
        print(told, flush=True)
        self.fleet.fresh()
        self.assertFalse(outcome.violations, told)


def _test(seed):
    return lambda self: self.check(seed)


for number in range(FIRST, FIRST + SEEDS):
    setattr(Seeds, f"test_seed_{number:05}", _test(number))
