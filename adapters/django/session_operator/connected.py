"""The database connections that a session operation of this thread uses."""

from django.db import connections, router

from session_operator import deadline
from session_operator.glance import glance


def reset():
    """Forget what was inherited over a fork; by now whoever replaces threads with green ones has done so."""
    glance.disown()


def renew():
    """Every thread looks its connections up again. Called about once a second."""
    glance.generation += 1
    deadline.renew()


def connections_of(model):
    """The connections that an operation on `model` may use, most often one."""
    if router.routers:
        glance.own.__dict__.pop("line", None)
        return [connections[alias] for alias in {router.db_for_write(model), router.db_for_read(model)}]
    # Django's look-up costs more than all the rest that we do in Normal.
    own = glance.own.__dict__
    line = own.get("line")
    if line is None or line.generation != glance.generation:
        generation = glance.generation  # before the page: one that comes meanwhile changes it
        line = own["line"] = deadline.line_of(connections["default"])
        line.page = glance.page
        line.generation = generation
        line.ready = line.watch is None
        own["used"] = [line.connection]
    return own["used"]
