"""What the demo must show. Each bar that is missed becomes one sentence."""
from .client import AUTH, SESSION, USER
from .report import lost_share

RECOVERY = 10.0       # seconds until stock behaviour
STOCK_LOSES = 0.75    # of the session-only requests inside the fault
# Of its own unfaulted rate. In the mixed load people whose logins fail ask for fewer session-only pages, and tracebacks cost time.
FREEZE_SERVES = {"freeze": 0.90, "freeze-mixed": 0.50}


def missed(entry) -> list[str]:
    name, variant = entry["name"], entry["variant"]
    told = _stock(entry) if variant == "stock" else (*everywhere(entry), *_protected(entry))
    return [f"{name}/{variant}: {text}" for text in (*shown(entry), *told)]


def everywhere(entry):
    for number, text in (
            ("lost", "acknowledged changes are not in the database"),
            ("resurrected", "sessions were logged in again after their logout"),
            ("cookiesDropped", "session cookies were dropped without a logout"),
            ("staleReads", "answers did not show the last acknowledged state"),
            ("signedOut", "answers treated a logged-in user as a stranger"),
            ("sessionIdsReused", "logins kept the session id"),
            ("lastLoginsLost", "accounts have an older last_login than their last login")):
        if entry[number]:
            yield f"{entry[number]} {text}"


def shown(entry):
    if not entry["acknowledgedChanges"]:
        yield "no change was acknowledged at all, so nothing was shown"


def _stock(entry):
    # What stock Django loses beside is its own: a login that the fault hits halfway ends the old session and fails.
    if entry["name"] not in FREEZE_SERVES and lost_share(entry) < STOCK_LOSES:
        yield f"stock lost only {lost_share(entry):.0%} of session-only requests inside the fault, not {STOCK_LOSES:.0%}"


def _protected(entry):
    inside = entry["inFault"]
    if entry["name"] in FREEZE_SERVES:
        serves = FREEZE_SERVES[entry["name"]]
        if entry["rateInFault"] < serves * entry["unfaultedRate"]:
            yield (f"served {entry['rateInFault']} session-only requests a second after the first deadline, "
                   f"which is under {serves:.0%} of {entry['unfaultedRate']}")
    if entry["name"] != "freeze":
        failed = sum(inside[SESSION].values()) - inside[SESSION]["200"]
        if failed:
            yield f"{failed} session-only requests failed inside the fault: {_bad(inside[SESSION])}"
        if entry["sessionFailuresOutsideFault"]:
            yield f"{entry['sessionFailuresOutsideFault']} session-only requests failed before or after the fault"
    if not inside[SESSION]["200"]:
        yield "no session-only request was answered inside the fault, so nothing was shown"
    if entry["name"] == "freeze-mixed":
        if not _bad(inside[USER]):
            yield "no user page failed inside the fault, so it was not shown that the others are served beside them"
        if entry["unansweredInFault"]:
            yield f"{entry['unansweredInFault']} requests were held until the fault was over"
    if entry["name"] == "readonly":
        for category, text in ((USER, "user pages"), (AUTH, "logins and logouts")):
            if _bad(inside[category]):
                yield f"{text} failed: {_bad(inside[category])}"
        if not entry["loggedInDuringFault"]:
            yield "nobody logged in during the fault, so it was not shown that they can"
    if not entry["loggedOutDuringFault"]:
        yield "nobody logged out during the fault, so it was not shown that logouts hold"
    recovery = entry["recoverySeconds"]
    if recovery is None or recovery > RECOVERY:
        yield f"not back to stock behaviour within {RECOVERY:g} s after the fault (took {recovery or 'for ever'})"


def _bad(counts) -> dict:
    return {status: count for status, count in counts.items() if count and status != "200"}
