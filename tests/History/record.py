"""What is kept of a seed: a line for people; of a failing one everything that was seen, and the command that runs it again."""
import dataclasses
import json
import os
import shutil
from collections import Counter

from demo.harness.stack import ROOT

RESULTS = f"{ROOT}/artifacts/history"
LOGS = f"{RESULTS}/logs"


def timeline(outcome) -> str:
    """The faults as they were, in seconds of the seed."""
    began = outcome.began
    parts = []
    for fault in sorted(outcome.faults, key=lambda fault: fault.begin):
        where = f" of pod {fault.target}" if fault.target >= 0 else ""
        settled = f", settled {fault.settled - began:.2f}" if fault.settled else ""
        parts.append(f"{fault.kind}{where} {fault.begin - began:.2f}..{fault.lifted - began:.2f}{settled}")
    return "; ".join(parts) or "no fault"


def summary(outcome) -> str:
    statuses = Counter(event.status for event in outcome.events)
    counts = " ".join(f"{status}:{statuses[status]}" for status in sorted(statuses))
    return f"seed {outcome.seed}: {len(outcome.events)} requests ({counts}), {len(outcome.violations)} violations; {timeline(outcome)}"


def command(seed) -> str:
    return f"FIRST={seed} SEEDS=1 tests/History/run tests.History.tests.test_seeds"


def keep(outcome, fleet) -> str:
    """Copies histories, rows, logs and journals, and says what went wrong where."""
    place = f"{RESULTS}/seed-{outcome.seed}"
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    with open(f"{place}/history.json", "w") as file:
        json.dump({"seed": outcome.seed, "began": outcome.began, "planned": [str(plan) for plan in outcome.planned],
                   "faults": [dataclasses.asdict(fault) for fault in outcome.faults],
                   "events": [dataclasses.asdict(event) for event in outcome.events], "rows": outcome.rows}, file)
    shutil.copytree(LOGS, f"{place}/logs")
    for pod in fleet.pods:
        shutil.copytree(pod.journal, f"{place}/journal{pod.number}")
    told = [f"  {violation.at - outcome.began:7.2f} s  {violation}" for violation in outcome.violations[:20]]
    more = [f"  ... and {len(outcome.violations) - 20} more"] if len(outcome.violations) > 20 else []
    return "\n".join([summary(outcome), *told, *more, f"again: {command(outcome.seed)}", f"kept: {place}"])
