"""Which failures the faults in force explain. What no line of the table explains is a session-caused failure (S3, S4).

The table is as tight as the rules: a fault excuses only requests that overlap it, only on the pod it hit, and only the
answers that stock Django or an honest 503 would give there.
"""
from dataclasses import dataclass

from .event import ACCOUNT, DATABASE, ENDS, UNREACHABLE, Event, Fault

GRACE = 1.0     # seconds after something was put back in which its failures may still end
UNKNOWN = 4.0   # seconds after a database came back, where it was not seen when the fleet had settled
BLIND = 3.0     # seconds for which what a cache says that was emptied or away means "unknown": noticing it, and one second for the other pods


@dataclass(frozen=True)
class Line:
    """One line of the table. `faults`: kinds that must overlap the request; `here`: only one that hit the request's pod."""
    why: str
    statuses: tuple
    kinds: tuple | None     # of requests; None: all
    faults: tuple
    here: bool = False
    grace: float = GRACE
    settle: bool = False    # lasts until the whole fleet is back in Normal
    ever: bool = False      # lasts until the end of the seed
    ended: bool = False     # only of a session whose end was acknowledged or under way
    also: "Line | None" = None


_UNWRITABLE = Line("", (), None, DATABASE, settle=True)

TABLE = (
    Line("its worker was killed", (0,), None, ("worker",), here=True),
    Line("its pod was being replaced", (0, 400, 500, 503), None, ("pod",), here=True),
    Line("its sidecar was down and the database could not be written: as stock", (400, 500, 503), None, ("sidecar",), here=True,
         also=_UNWRITABLE),
    Line("its sidecar was down when it met a connection from before the database's restart: as stock", (400, 500), None,
         ("sidecar",), here=True, also=Line("", (), None, UNREACHABLE, ever=True)),
    Line("the shared cache was away: stock fails, and so does what only another pod may know", (500, 503), None,
         ("cache-stop", "cache-freeze")),
    Line("the shared cache was emptied, and the database could not be read", (503,), None, ("cache-stop",), ever=True,
         also=Line("", (), None, UNREACHABLE, settle=True)),
    Line("the shared cache was emptied or away a moment ago", (503,), None, ("cache-stop", "cache-freeze"), grace=BLIND),
    Line("only the database, which could not be read, knew that the session had been ended", (503,), None, UNREACHABLE,
         settle=True, ended=True),
    Line("a session's end must be durable and seen by all pods, or fail", (503,), ENDS, DATABASE, settle=True),
    Line("the page itself needs the database", (500,), ACCOUNT, UNREACHABLE, ever=True),
)


def excuse(event: Event, faults: list[Fault], ended: bool = False) -> str | None:
    """Why this failed request is no violation, or None. ended: its session's end was begun before it was over."""
    if event.status == 503 and not event.retry_after:
        return None
    for line in TABLE:
        if event.status in line.statuses and (line.kinds is None or event.kind in line.kinds) and (ended or not line.ended):
            if _overlaps(line, event, faults) and (line.also is None or _overlaps(line.also, event, faults)):
                return line.why
    return None


def _overlaps(line, event, faults):
    return any(
        fault.kind in line.faults and (not line.here or fault.target == event.pod)
        and event.done >= fault.begin and (line.ever or event.sent <= _end(line, fault))
        for fault in faults)


def _end(line, fault):
    if line.settle:
        return (fault.settled or fault.lifted + UNKNOWN) + GRACE
    return fault.lifted + line.grace


def interrupted(event: Event, faults: list[Fault]) -> bool:
    """A 503 promises that nothing was changed; not when what makes the promise was itself hit, or gave up waiting."""
    return event.done - event.sent > 1.9 or any(
        (fault.kind == "cache-freeze" or (fault.kind in ("sidecar", "worker", "pod") and fault.target == event.pod))
        and event.done >= fault.begin and event.sent <= fault.lifted + GRACE for fault in faults)


def beside(event: Event, faults: list[Fault]) -> bool:
    """Whether the cache, or a part of ours, was hit at that moment or just before."""
    return any(fault.kind not in DATABASE and event.done + GRACE >= fault.begin and event.sent <= fault.lifted + BLIND for fault in faults)


def horizon(event: Event, faults: list[Fault]) -> float:
    """Until when a change that was not acknowledged may still come into effect: a frozen server carries out, when it
    wakes, what it was sent before."""
    ends = [fault.lifted + GRACE for fault in faults
            if fault.kind in ("db-freeze", "cache-freeze") and event.done >= fault.begin and event.sent <= fault.lifted]
    return max([event.done + (GRACE if event.status == 0 else 0.0), *ends])
