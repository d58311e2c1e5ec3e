"""The database connections that a session operation of this thread uses."""

import threading

from django.db import connections, router

from session_operator import native

KEPT = 1.0  # seconds for which a thread's connection object is taken to be the same

_own = threading.local()


def reset():
    """Forget what was inherited over a fork; by now whoever replaces threads with green ones has done so."""
    global _own
    _own = threading.local()


def connections_of(model):
    """The connections that an operation on `model` may use, most often one."""
    if router.routers:
        return [connections[alias] for alias in {router.db_for_write(model), router.db_for_read(model)}]
    # Django's look-up costs more than all the rest that we do in Normal.
    now = native.monotonic()
    own = _own.__dict__
    if now - own.get("at", -KEPT) >= KEPT:
        own["at"], own["used"] = now, [connections["default"]]
    return own["used"]
