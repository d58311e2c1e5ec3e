"""The numbers of a run in the shape of report.json, and the table for people."""
import json
from collections import Counter

from .client import AUTH, REPLAY, SESSION, USER

STATUSES = ("200", "400", "500", "503")
SETTLED = 0.2  # seconds beyond the first deadline: the call must have been cut off, and its request finished
WAITED = 1.0   # seconds after which a person calls a page hanging


def statuses(events) -> dict:
    counted = Counter(str(event.status) for event in events)
    return {**{status: 0 for status in STATUSES}, **counted}


def rate(events, begin, end) -> float:
    """Good answers to session-only requests a second."""
    good = sum(1 for event in events if event.category == SESSION and event.status == 200 and begin <= event.done < end)
    return good / (end - begin) if end > begin else 0.0


def entry(name, variant, events, times, verdict, recovery_seconds, deadline) -> dict:
    """One element of report.json's scenarios.

    events: those of the measured time. times: "begin", "fault", "lifted", "end", in seconds since 1970. A request is
    inside the fault when it was sent between "fault" and "lifted". deadline: seconds a database call may take in a
    frozen fault, None if there is none.
    """
    def within(event):
        return times["fault"] <= event.sent < times["lifted"]

    inside = [event for event in events if within(event)]
    unfaulted = rate(events, times["begin"] + 2, times["fault"])
    served = rate(events, times["fault"] + (deadline or 0.0) + SETTLED, times["lifted"])
    outside = [event for event in events if event.category == SESSION and event.status != 200 and not within(event)]
    return {
        "name": name,
        "variant": variant,
        "requests": len(events),
        "inFault": {category: statuses(event for event in inside if event.category == category)
                    for category in (SESSION, USER, AUTH, REPLAY)},
        "acknowledgedChanges": verdict.acknowledged_changes,
        "lost": verdict.lost,
        "loggedOutDuringFault": sum(1 for event in inside if event.kind in ("logout", "flush") and event.status == 200),
        "resurrected": verdict.resurrected,
        "cookiesDropped": verdict.cookies_dropped,
        "recoverySeconds": None if recovery_seconds is None else round(recovery_seconds, 2),
        # Beyond the shape:
        "unansweredInFault": sum(
            1 for event in inside if event.sent < times["lifted"] - WAITED and event.done >= times["lifted"]),
        "sessionFailuresOutsideFault": len(outside),
        "loggedInDuringFault": sum(1 for event in inside if event.kind == "login" and event.status == 200),
        "staleReads": verdict.stale_reads,
        "signedOut": verdict.signed_out,
        "sessionIdsReused": verdict.ids_reused,
        "lastLoginsLost": verdict.logins_lost,
        "faultSeconds": round(times["lifted"] - times["fault"], 2),
        "unfaultedRate": round(unfaulted, 1),
        "rateInFault": round(served, 1),
        "firstDeadlineSeconds": deadline,
        "slowestSeconds": round(max(event.done - event.sent for event in events), 2),
        # One lost change shows in every later answer, so those would fill the list.
        "findings": sorted(verdict.findings, key=lambda text: text.startswith("stale_reads"))[:20],
    }


def lost_share(entry) -> float:
    """The share of session-only requests inside the fault that were not answered with 200."""
    counts = entry["inFault"][SESSION]
    total = sum(counts.values())
    return 1 - counts["200"] / total if total else 0.0


def headline(entry) -> str:
    """What became of the session-only pages inside the fault, in a few words."""
    # Refused quickly is not the same as not answered: the few that wait for the server's start do not count.
    if entry["unansweredInFault"] and entry["rateInFault"] < 1 and lost_share(entry) < 0.5:
        return "all hang"
    return f"{lost_share(entry):.0%} failed"


def table(entries) -> str:
    head = ("scenario", "variant", "session pages in the fault", "of them", "user pages", "login/logout", "good/s",
            "lost", "undone", "cookies", "recovery")
    lines = [head]
    for row in entries:
        recovery = row["recoverySeconds"]
        lines.append((
            row["name"], row["variant"], _counts(row["inFault"][SESSION]), headline(row),
            _counts(row["inFault"][USER]), _counts(row["inFault"][AUTH]),
            f"{row['unfaultedRate']:.0f} > {row['rateInFault']:.0f}",
            f"{row['lost']} of {row['acknowledgedChanges']}", f"{row['resurrected']} of {row['loggedOutDuringFault']}",
            str(row["cookiesDropped"]), "never" if recovery is None else f"{recovery:.1f} s"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    drawn.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([
        *drawn, "",
        "good/s: session-only pages answered with 200 a second, before the fault > inside it.   "
        "lost: of all acknowledged changes.   undone: of the logouts acknowledged inside the fault."])


def _counts(counts) -> str:
    shown = [f"{status}: {count}" for status, count in sorted(counts.items()) if count]
    return "  ".join(shown) if shown else "-"


def write(path, entries, **more):
    with open(path, "w") as file:
        json.dump({"scenarios": entries, **more}, file, indent=2)
        file.write("\n")
