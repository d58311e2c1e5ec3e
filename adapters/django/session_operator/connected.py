"""The database connections that a session operation of this thread uses."""

import threading

from django.db import connections, router

_own = threading.local()
_generation = 0


def reset():
    """Forget what was inherited over a fork; by now whoever replaces threads with green ones has done so."""
    global _own
    _own = threading.local()


def renew():
    """Every thread looks its connections up again. Called about once a second."""
    global _generation
    _generation += 1


def connections_of(model):
    """The connections that an operation on `model` may use, most often one."""
    if router.routers:
        return [connections[alias] for alias in {router.db_for_write(model), router.db_for_read(model)}]
    # Django's look-up costs more than all the rest that we do in Normal.
    own = _own.__dict__
    if "used" not in own or own["generation"] != _generation:
        own["used"], own["generation"] = [connections["default"]], _generation
    return own["used"]
