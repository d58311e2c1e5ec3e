"""Reports of this process that wait for their answer, and the requests that wait for it too.

A server that hangs holds whoever follows the first request into it, and under gevent each of them holds the whole process.
"""

import time

LONGEST = 0.5  # seconds to wait for the answer to another request's report

under_way = set()


class Report:
    """A context manager: one report, from asking to its answer."""

    def __enter__(self):
        under_way.add(self)

    def __exit__(self, *error):
        under_way.discard(self)


def reset():
    """Forget the parent's reports after a fork."""
    under_way.clear()


def wait(alive):
    """Let the requests that ask hear their answer first. `alive()` tells whether there is somebody to answer."""
    ends = time.monotonic() + LONGEST
    while under_way and alive() and time.monotonic() < ends:
        time.sleep(0.002)  # not native: a green thread lets those that ask go on
