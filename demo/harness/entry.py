"""What the scripts share: signals become exceptions, so that servers end in order; failures become one clear line."""
import os
import signal
import sys

from .processes import Failure
from .stack import ROOT, Workplace

RESULTS = f"{ROOT}/artifacts/demo"


def say(line):
    print(line, flush=True)


def main(body):
    """Runs body(workplace) and ends the process with its status. Ctrl-C and SIGTERM stop every server we started."""
    def ended(number, _):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGINT, ended)
    os.makedirs(RESULTS, exist_ok=True)
    workplace = Workplace(f"{RESULTS}/logs")
    try:
        status = body(workplace)
    except (Failure, RuntimeError) as error:
        print(f"\n{error}", file=sys.stderr)
        status = 2
    finally:
        workplace.remove()
    sys.exit(status)


def verdict(missed) -> int:
    """Prints what did not hold, and gives the exit status."""
    if not missed:
        say("\nEverything that must hold held.")
        return 0
    say("\nDid not hold:")
    for line in missed:
        say(f"  - {line}")
    return 1
