"""What each scenario must show: the demo's bars, for several pods behind a Service."""
from demo.harness import bars
from demo.harness.client import AUTH, SESSION, USER

TOLD = 3.0    # seconds after a decision by which every pod has heard of it, on a busy machine


def missed(outcome):
    entry = outcome.entry
    for text in (*bars.shown(entry), *bars.everywhere(entry), *_protected(entry), *_read_only(outcome)):
        yield f"{entry['name']}/{entry['variant']}: {text}"


def _protected(entry):
    inside = entry["inFault"][SESSION]
    if failed := sum(inside.values()) - inside["200"]:
        yield f"{failed} session-only requests failed inside the fault: {_bad(inside)}"
    if entry["sessionFailuresOutsideFault"]:
        yield f"{entry['sessionFailuresOutsideFault']} session-only requests failed before or after the fault"
    if not inside["200"]:
        yield "no session-only request was answered inside the fault, so nothing was shown"
    if not entry["loggedOutDuringFault"]:
        yield "nobody logged out during the fault, so it was not shown that logouts hold"
    recovery = entry["recoverySeconds"]
    if recovery is None or recovery > bars.RECOVERY:
        yield f"not back to stock behaviour within {bars.RECOVERY:g} s after the fault (took {recovery or 'for ever'})"


def _read_only(outcome):
    """A database that can be read serves everything. Only a logout is refused, with 503, while not every pod knows of the
    outage: one that others could not see would not hold (decision 0027)."""
    entry, begun = outcome.entry, outcome.times["begun"]
    if entry["name"] != "readonly":
        return
    decided = next((moment for moment, mode in outcome.modes if mode == "Cache"), begun)
    if _bad(entry["inFault"][USER]):
        yield f"user pages failed: {_bad(entry['inFault'][USER])}"
    wrong = [event for event in outcome.events if event.category == AUTH and event.status != 200 and begun - 1 <= event.sent
             and not (event.kind in ("logout", "flush") and event.status == 503 and event.sent < decided + TOLD)]
    if wrong:
        yield f"logins and logouts failed: {sorted((event.kind, event.status) for event in wrong)}"
    if not entry["loggedInDuringFault"]:
        yield "nobody logged in during the fault, so it was not shown that they can"


def _bad(counts) -> dict:
    return {status: count for status, count in counts.items() if count and status != "200"}
