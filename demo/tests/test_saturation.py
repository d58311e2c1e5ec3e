"""How the throughput of the two variants is compared."""
import os
import subprocess
import threading
import time
import unittest

from demo.harness import processes, saturation, stack


class Machine:
    """Stacks and crowds without servers: rates by slice, and what each idle stack uses in a slice."""

    def __init__(self, rates, idle):
        self.rates, self.idle, self.order, self.used = rates, idle, [], dict.fromkeys(rates, 0.0)

    def of(self, variant):
        machine = self

        class Part:
            def processor_seconds(self):
                return machine.used[variant]

            def measure(self, _):
                machine.order.append(variant)
                for other in machine.used:
                    if other != variant:
                        machine.used[other] += machine.idle[other]
                return machine.rates[variant](len(machine.order))

        return Part()


def compared(stock, protected, idle_stock=0.0, idle_protected=0.0, blocks=5, first="stock"):
    machine = Machine({"stock": stock, "protected": protected}, {"stock": idle_stock, "protected": idle_protected})
    parts = {variant: machine.of(variant) for variant in saturation.VARIANTS}
    return saturation.compare(parts, parts, blocks, 300, first), machine.order


class Lengths(unittest.TestCase):
    def test_what_cannot_be_measured_is_said(self):
        """A slice that is no whole number of mixes would ask each variant for other work."""
        for setting, hint in (("SLICE=25", "multiple of 10"), ("PAIRS=0", "from 1 on"), ("BLOCKS=x", "from 1 on")):
            name, _, value = setting.partition("=")
            done = subprocess.run([f"{stack.ROOT}/demo/throughput"], env={**os.environ, name: value}, capture_output=True, text=True)
            self.assertEqual(2, done.returncode)
            self.assertIn(f"{name} is '{value}'; write", done.stderr)
            self.assertIn(hint, done.stderr)


class Compared(unittest.TestCase):
    def test_equal_is_one(self):
        result, order = compared(lambda _: 600.0, lambda _: 600.0)
        self.assertEqual((600.0, 600.0, 0.0, 1.0), tuple(result[name] for name in ("stock", "protected", "idleCost", "ratio")))
        self.assertEqual(["stock", "protected", "protected", "stock"] * 5, order)

    def test_slower_shows(self):
        self.assertAlmostEqual(0.98, compared(lambda _: 600.0, lambda _: 588.0)[0]["ratio"])

    def test_a_machine_that_grows_slower_favours_neither(self):
        for first in saturation.VARIANTS:
            slowing = compared(lambda slice_: 600.0 - slice_, lambda slice_: 600.0 - slice_, first=first)[0]
            self.assertAlmostEqual(1.0, slowing["ratio"])

    def test_one_disturbed_slice_does_not_count(self):
        result, _ = compared(lambda _: 600.0, lambda slice_: 100.0 if slice_ == 2 else 594.0)
        self.assertAlmostEqual(0.99, result["ratio"])

    def test_what_the_idle_protected_stack_uses_is_charged_and_what_stock_would_use_too_is_not(self):
        # Ten idle slices of 300 requests at 600 a second: 3 ms more a slice are 6 ms a second of all processors.
        result, _ = compared(lambda _: 600.0, lambda _: 600.0, idle_stock=0.002, idle_protected=0.005)
        self.assertAlmostEqual(0.006 / os.cpu_count(), result["idleCost"])
        self.assertAlmostEqual(1 - 0.006 / os.cpu_count(), result["ratio"])

    def test_processor_time_is_finer_than_a_tick_and_counts_children_that_have_ended(self):
        def spin(seconds):
            ends = time.process_time() + seconds
            while time.process_time() < ends:
                pass

        before = processes.processor_seconds(os.getpid())
        spin(0.03)
        own = processes.processor_seconds(os.getpid()) - before
        self.assertGreaterEqual(own, 0.02)
        self.assertNotEqual(0, round(own * 1e9) % 10_000_000)
        child = os.fork()
        if child == 0:
            spin(0.1)
            os._exit(0)
        os.waitpid(child, 0)
        self.assertGreaterEqual(processes.processor_seconds(os.getpid()) - before, own + 0.08)

    def test_wake_ups_are_those_of_all_threads(self):
        go, done = threading.Event(), threading.Event()

        def wait():
            for _ in range(20):
                go.wait(0.001)
            done.set()
            go.wait()  # a thread that has ended is not counted

        before = processes.wake_ups(os.getpid())
        thread = threading.Thread(target=wait)
        thread.start()
        done.wait()
        self.assertGreaterEqual(processes.wake_ups(os.getpid()) - before, 20)
        go.set()
        thread.join()
        self.assertEqual(0, processes.wake_ups(thread.native_id))


if __name__ == "__main__":
    unittest.main()
