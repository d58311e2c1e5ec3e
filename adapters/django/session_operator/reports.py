"""Reports of this process that wait for their answer, and the requests that wait for it too.

A server that hangs holds whoever follows the first request into it, and under gevent each of them holds the whole process.
"""

import time

from session_operator.glance import glance

LONGEST = 0.5  # seconds to wait for the answer to another request's report


class Report:
    """A context manager: one report, from asking to its answer."""

    def __enter__(self):
        glance.reporting(self, True)

    def __exit__(self, *error):
        glance.reporting(self, False)


def reset():
    """Forget the parent's reports after a fork."""
    for report in tuple(glance.reports):
        glance.reporting(report, False)


def wait(alive):
    """Let the requests that ask hear their answer first. `alive()` tells whether there is somebody to answer."""
    ends = time.monotonic() + LONGEST
    while glance.reports and alive() and time.monotonic() < ends:
        time.sleep(0.002)  # not native: a green thread lets those that ask go on
