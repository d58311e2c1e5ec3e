"""Our own parts die: when, which, for how long, and what is still allowed then."""
import time
from dataclasses import dataclass

from . import bars
from .client import SESSION
from .faults import Nothing, ReadOnly, Stop
from .report import lost_share
from .scenario import Run
from .stack import Stack

GRACE = 1.0      # seconds after a restart, or after the database's return, in which stock's failures may still end
STOCK_FAILS = (400, 500, 503)  # what stock answers then: an unsaved session, one that cannot be created; and our honest one
SLOWEST = 2.5    # seconds; the adapter waits at most 2 s for an answer of the sidecar
BOTH = ("operator", "sidecar")


@dataclass(frozen=True)
class Case:
    """parts die in the middle of the fault; they start again inside it, or late: after the database is back."""
    fault: type
    parts: tuple
    late: bool = False


CASES = {
    "sidecar": Case(Stop, ("sidecar",)),
    "operator": Case(Stop, ("operator",)),
    "both": Case(ReadOnly, BOTH),
    "late": Case(ReadOnly, BOTH, late=True),
    "idle": Case(Nothing, BOTH),  # each of them, then both, with a healthy database
}


class _Disturbance:
    """Kills and restarts, and remembers when. windows: (killed, up again, with the sidecar)."""

    def __init__(self, case, lengths):
        self.case, self.lengths, self.windows, self.killed = case, lengths, [], {}

    def during_fault(self, run):
        seconds = self.lengths.fault
        if self.case.fault is Nothing:
            for parts in (("sidecar",), ("operator",), BOTH):
                run.wait(seconds / 10)
                self.kill(run, parts)
                run.wait(seconds / 5)
                self.restart(run, parts)
            run.wait(seconds / 10)
            return
        run.wait(seconds * 0.3)
        self.kill(run, self.case.parts)
        run.wait(seconds * 0.3)
        if not self.case.late:
            self.restart(run, self.case.parts)
        run.wait(seconds * 0.4)

    def during_after(self, run):
        if self.case.late:
            run.wait(3)
            self.restart(run, self.case.parts)
        run.wait(self.lengths.after)

    def kill(self, run, parts):
        run.say(f"killing {' and '.join(parts)}")
        self.killed["at"] = time.time()
        for part in parts:
            begun = time.time()
            getattr(run.stack, part).kill()
            run.kills.append((begun, time.time()))

    def restart(self, run, parts):
        run.stack.start(parts)
        up = run.times["restarted"] = time.time()
        run.say(f"{' and '.join(parts)} up again")
        self.windows.append((self.killed["at"], up, "sidecar" in parts))


def allowed(event, times, windows, database_away) -> bool:
    """May this request have failed? Only where stock would have: the sidecar dead, and the database not writable."""
    if event.status not in STOCK_FAILS:
        return False
    away = database_away and event.done >= times["fault"] and event.sent < times["lifted"] + GRACE
    return away and any(
        with_sidecar and event.done >= killed and event.sent < up + GRACE for killed, up, with_sidecar in windows)


def _missed(name, case, outcome, windows, share) -> list[str]:
    entry, away = outcome.entry, case.fault is not Nothing
    bad = [event for event in outcome.events if event.category == SESSION and event.status != 200]
    worse = [event for event in bad if not allowed(event, outcome.times, windows, away)]
    told = [*bars.shown(entry), *bars.everywhere(entry)]
    if worse:
        first = worse[0]
        told.append(f"{len(worse)} session-only requests were worse than stock; the first: {first.kind} answered "
                    f"{first.status} at {first.done - outcome.times['begin']:.1f} s")
    if lost_share(entry) > share:
        told.append(f"{lost_share(entry):.1%} of session-only requests failed inside the fault, with stock {share:.1%}")
    if entry["slowestSeconds"] > SLOWEST:
        told.append(f"a request took {entry['slowestSeconds']} s")
    recovery = entry["recoverySeconds"]
    if recovery is None or recovery > bars.RECOVERY:
        told.append(f"not back to stock behaviour within {bars.RECOVERY:g} s after everything was back ({recovery})")
    if not entry["loggedOutDuringFault"]:
        told.append("nobody logged out meanwhile, so it was not shown that logouts hold")
    return [f"chaos {name}: {text}" for text in told]


def run_all(workplace, names, lengths, say) -> list[dict]:
    """One stock run for each kind of fault to compare with, then the cases."""
    stocks, results = {Nothing: 0.0}, []
    for fault in dict.fromkeys(CASES[name].fault for name in names):
        if fault is not Nothing:
            stocks[fault] = _stock(workplace, fault, lengths, say)
    for name in names:
        case = CASES[name]
        disturbance = _Disturbance(case, lengths)
        with Stack(workplace, f"chaos-{name}", True) as stack:
            run = Run(stack, name, case.fault, lengths, lambda line: say(f"chaos {name:8} {line}"))
            outcome = run.go(disturbance.during_fault, disturbance.during_after)
        missed = _missed(name, case, outcome, disturbance.windows, stocks[case.fault])
        results.append({**outcome.entry, "case": name, "sessionFailures": _failed(outcome),
                        "stockShareFailed": stocks[case.fault], "missed": missed})
    return results


def _stock(workplace, fault, lengths, say):
    name = f"stock-{fault.__name__.lower()}"
    with Stack(workplace, f"chaos-{name}", False) as stack:
        outcome = Run(stack, name, fault, lengths, lambda line: say(f"chaos {name:8} {line}")).go()
    return lost_share(outcome.entry)


def _failed(outcome):
    return sum(1 for event in outcome.events if event.category == SESSION and event.status != 200)


def table(results) -> str:
    head = ("killed", "session pages failed in the fault", "stock", "lost", "undone", "cookies", "slowest", "recovery")
    lines = [head] + [(
        row["case"], f"{lost_share(row):.0%}", f"{row['stockShareFailed']:.0%}",
        f"{row['lost']} of {row['acknowledgedChanges']}", f"{row['resurrected']} of {row['loggedOutDuringFault']}",
        str(row["cookiesDropped"]), f"{row['slowestSeconds']} s", f"{row['recoverySeconds']} s") for row in results]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
