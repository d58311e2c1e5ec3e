"""Which faults a seed brings, and when. Pure: the same seed, the same schedule.

The bounds are those of the rules, not of our courage: S1 promises that nothing is lost through crashes of our parts and the cache
one after the other, whatever the database and the app's workers do meanwhile. docs/reliability.md says what that leaves out.
"""
import random
from dataclasses import dataclass

LENGTH = 3.6    # seconds in which faults may begin
APART = 1.5     # seconds from one of our parts being put back until the next one is taken away
KNOWN = 0.6     # seconds after which the whole fleet knows of an outage
DRAINED = 3.0   # seconds after an outage until the fleet is in Normal again

DATABASE = {"db-stop": 3, "db-immediate": 2, "db-kill": 3, "db-readonly": 4, "db-freeze": 3}
OTHERS = {"cache-stop": 3, "cache-freeze": 2, "sidecar": 4, "worker": 3, "operator": 2, "pod": 2}
SHORT = {"worker": 0.0, "cache-stop": 0.6, "cache-freeze": 0.8, "sidecar": 0.8, "operator": 1.2, "pod": 0.0}

OURS = ("cache-stop", "cache-freeze", "sidecar", "operator", "pod")


@dataclass(frozen=True)
class Planned:
    """begin and length in seconds; target: a pod's number, -1 where there is none."""
    kind: str
    begin: float
    length: float
    target: int = -1

    @property
    def end(self) -> float:
        return self.begin + self.length

    def __str__(self):
        where = f" of pod {self.target}" if self.target >= 0 else ""
        return f"{self.kind}{where} {self.begin:.2f}..{self.end:.2f} s"


def schedule(seed: int, pods: int) -> list[Planned]:
    chance = random.Random(f"{seed} faults")
    planned = _database(chance)
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3))):
        for _ in range(20):  # draws that break a bound are drawn again
            kind = chance.choices(list(OTHERS), OTHERS.values())[0]
            length = SHORT[kind] * (0.5 + chance.random())
            target = chance.randrange(pods) if kind in ("worker", "sidecar", "pod") else -1
            fault = Planned(kind, chance.uniform(0.2, LENGTH), length, target)
            if allowed(fault, planned):
                planned.append(fault)
                break
    return sorted(planned, key=lambda fault: fault.begin)


def _database(chance) -> list[Planned]:
    """One outage, sometimes two, sometimes none."""
    number = chance.choice((0, 1, 1, 1, 1, 1, 2))
    begin, found = chance.uniform(0.2, 0.8), []
    for _ in range(number):
        kind = chance.choices(list(DATABASE), DATABASE.values())[0]
        length = chance.uniform(0.8, 2.6) / number
        found.append(Planned(kind, begin, length))
        begin += length + chance.uniform(0.1, 0.8)
    return found


def allowed(fault: Planned, others: list[Planned]) -> bool:
    """Whether the fault keeps the bounds beside the others."""
    for other in others:
        if fault.kind in OURS and other.kind in OURS and _near(fault, other, APART):
            return False
        if fault.kind == "sidecar" and other.kind in DATABASE and not _beside(fault, other):
            return False
        if {fault.kind, other.kind} == {"worker", "pod"} and fault.target == other.target and _near(fault, other, APART):
            return False
    return True


def _near(one, other, seconds):
    return one.begin < other.end + seconds and other.begin < one.end + seconds


def _beside(sidecar, outage):
    """An app without its sidecar is as stock: it must know of the outage, and have its sidecar back before the drain."""
    inside = sidecar.begin > outage.begin + KNOWN and sidecar.end < outage.end
    outside = sidecar.end + APART < outage.begin or sidecar.begin > outage.end + DRAINED
    return inside or outside
