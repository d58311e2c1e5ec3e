"""One seed: the crowd, the weather, the recovery, the rows, the verdict."""
import time
from dataclasses import dataclass, field

from demo.harness.processes import Failure

from .judge.event import Event, Fault, Violation
from .judge.judge import judge
from .people.crowd import Crowd
from .stage.faults import Weather
from .stage.schedule import LENGTH, schedule

AFTER = 0.6     # seconds for which the crowd goes on after the last fault


@dataclass
class Outcome:
    seed: int
    events: list[Event] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    planned: list = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    began: float = 0.0
    rows: dict = field(default_factory=dict)


def run(fleet, seed: int, length: float = LENGTH) -> Outcome:
    """Blocks until everything is judged; the fleet is in Normal afterwards, unless it says otherwise."""
    planned = schedule(seed, len(fleet.pods))
    weather = Weather(fleet, planned, seed)
    crowd = Crowd(seed, fleet.pods, fleet.workplace.password, lambda: weather.frozen)
    outcome = Outcome(seed, crowd.events, weather.faults, planned, began=time.time())
    crowd.start()
    weather.start()
    try:
        weather.finish()
        time.sleep(max(0.0, outcome.began + length - time.time()) + AFTER)  # the load's length, not a wait for anything
    finally:
        crowd.closed.set()
        try:
            crowd.stop()
        finally:
            outcome.violations = _recovery(fleet)
            weather.close()
    rows = fleet.rows()
    crowd.sweep()
    outcome.violations += judge(crowd.events, weather.faults, rows)
    outcome.rows = rows
    return outcome


def _recovery(fleet):
    try:
        fleet.recovered()
    except Failure as failure:
        return [Violation("S7", str(failure), time.time())]
    return []
