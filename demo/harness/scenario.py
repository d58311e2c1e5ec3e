"""One scenario with one variant, from a fresh database to its verdict."""
import os
import time
from dataclasses import dataclass

from .client import AUTH, SESSION, USER
from .faults import FAULTS, MORE, Freeze, FreezeMixed
from .judge import judge
from .load import Load
from .report import entry
from .stack import Stack
from .watch import ModeWatch, RowWatch, recovered_at


@dataclass(frozen=True)
class Lengths:
    """Seconds of each phase."""
    warm: float = 8.0
    fault: float = 15.0
    after: float = 12.0

    @staticmethod
    def chosen():
        return Lengths(warm=5.0, fault=6.0) if os.environ.get("QUICK") == "1" else Lengths()


@dataclass
class Outcome:
    """What a run leaves behind: the entry of the report, and what the picture is drawn from."""
    entry: dict
    events: list
    times: dict
    modes: list


class Run:
    """The phases of one run. Chaos hooks into them; each hook gets the Run, and replaces the waiting of its phase."""

    def __init__(self, stack, name, fault, lengths, say, calm=1.0):
        self.stack, self.name, self.lengths, self.say = stack, name, lengths, say
        self.frozen = issubclass(fault, Freeze)
        self.load = Load(stack.address, stack.workplace.password, session_only=fault is Freeze, calm=calm)
        self.fault = fault(stack.database)
        self.page = stack.mode_page() if stack.protected else None
        self.times, self.modes = {}, []
        self.kills = []  # from when to when a part of ours was killed

    def go(self, during_fault=None, during_after=None):
        """Blocks until everybody has gone home."""
        modes = ModeWatch(self.page).start() if self.page else None
        rows = None
        try:
            self.load.start()
            self.stack.wait_for_adapter()
            deadline = self.page.deadline() if self.page else None
            self._phase("warm", "begin", None, self.lengths.warm)
            self.fault.prepare()
            self.times["fault"] = time.time()
            self.load.clock.phase = "fault"
            self.fault.begin()
            self.load.leave(self.lengths.fault)
            self._phase("fault", "begun", during_fault, self.lengths.fault)
            self.fault.lift()
            rows = RowWatch(self.stack.database, self.load).start()
            self._phase("after", "lifted", during_after, self.lengths.after)
            rows.stop()
        finally:
            self.load.clock.closed.set()
            if modes:
                modes.stop()
        self.times["end"] = time.time()
        self.load.finish()
        return self._outcome(rows.polls, modes.changes if modes else [], deadline)

    def wait(self, seconds):
        """Waits, with one line a second about what the clients saw in it."""
        end = time.time() + seconds
        while (left := end - time.time()) > 0:
            before = len(self.load.events)
            time.sleep(min(1.0, left))
            if self.load.defects:
                raise RuntimeError("the load generator itself failed: " + "; ".join(self.load.defects))
            self.say(self.progress(self.load.events[before:]))

    def progress(self, events):
        counts = {}
        for event in events:
            if event.category in (SESSION, USER, AUTH):
                counts[event.status] = counts.get(event.status, 0) + 1
        mode = f"   mode {self.page.mode()}" if self.page else ""
        told = "  ".join(f"{status}: {counts[status]:3}" for status in sorted(counts)) or "no answer at all"
        return f"{time.time() - self.times['begin']:5.1f} s  {self.load.clock.phase:5}  {told}{mode}"

    def _phase(self, name, mark, hook, seconds):
        self.times[mark] = time.time()
        self.load.clock.phase = name
        if hook:
            hook(self)
        else:
            self.wait(seconds)

    def _outcome(self, polls, modes, deadline):
        times = self.times
        # The logins before the load began are history for the judge, but not requests under load.
        measured = [event for event in self.load.events if times["begin"] <= event.sent <= times["end"]]
        failures = [event.done for event in measured if event.status != 200 and event.done >= times["lifted"]]
        verdict = judge(self.load.events, self.stack.rows(), self.kills)
        variant = "protected" if self.stack.protected else "stock"
        # Where parts of ours were down after the fault, recovery counts from the moment they were all up again.
        whole = max(times["lifted"], times.get("restarted", 0.0))
        row = entry(self.name, variant, measured, times, verdict,
                    recovered_at(polls, failures, whole), deadline if self.frozen else None)
        return Outcome(row, measured, times, modes)


def run(workplace, name, protected, lengths, say) -> Outcome:
    variant = "protected" if protected else "stock"
    fault = {**FAULTS, **MORE}[name]
    with Stack(workplace, f"{name}-{variant}", protected, fail_fast=fault is FreezeMixed) as stack:
        return Run(stack, name, fault, lengths, lambda line: say(f"{name:8} {variant:9} {line}")).go()
