"""The schedule is a function of the seed, keeps its bounds, and brings every fault there is."""
import unittest

from tests.History.stage.schedule import APART, DATABASE, OTHERS, OURS, Planned, allowed, schedule

MANY = range(400)


class Schedule(unittest.TestCase):
    def test_a_seed_is_one_schedule(self):
        self.assertEqual(schedule(7, 3), schedule(7, 3))
        self.assertNotEqual([schedule(seed, 3) for seed in range(5)], [schedule(seed, 3) for seed in range(5, 10)])

    def test_every_fault_comes_up_and_on_every_pod(self):
        planned = [fault for seed in MANY for fault in schedule(seed, 3)]
        self.assertEqual({*DATABASE, *OTHERS}, {fault.kind for fault in planned})
        for kind in ("sidecar", "worker", "pod"):
            self.assertEqual({0, 1, 2}, {fault.target for fault in planned if fault.kind == kind})

    def test_every_fault_meets_an_outage(self):
        met = set()
        for seed in MANY:
            faults = schedule(seed, 3)
            outages = [fault for fault in faults if fault.kind in DATABASE]
            met |= {fault.kind for fault in faults for outage in outages
                    if fault is not outage and fault.begin < outage.end and outage.begin < fault.end + 0.01}
        self.assertEqual(set(OTHERS), met - set(DATABASE))

    def test_our_parts_are_taken_away_one_after_the_other(self):
        for seed in MANY:
            ours = [fault for fault in schedule(seed, 3) if fault.kind in OURS]
            for one, next_one in zip(ours, ours[1:]):
                self.assertGreaterEqual(next_one.begin, one.end + APART)

    def test_a_sidecar_is_not_missing_when_an_outage_begins_or_ends(self):
        outage = [Planned("db-stop", 2.0, 3.0)]
        self.assertTrue(allowed(Planned("sidecar", 3.0, 1.0, 0), outage))
        self.assertFalse(allowed(Planned("sidecar", 1.5, 1.0, 0), outage))
        self.assertFalse(allowed(Planned("sidecar", 4.5, 1.0, 0), outage))
        self.assertFalse(allowed(Planned("sidecar", 5.5, 1.0, 0), outage))
        self.assertTrue(allowed(Planned("sidecar", 8.5, 1.0, 0), outage))
