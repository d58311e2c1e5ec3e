"""Fail-fast: while the sidecar says that the database does not answer, the app's own queries on it fail at once.

Off unless SESSION_OPERATOR_FAIL_FAST is set. Without it a frozen server holds each worker that asks it for anything, and with
them the pages that need nothing from it. Session operations are not touched: they have a deadline of their own.
"""

import functools
import logging
import os
import sys

from django.db.utils import OperationalError

from session_operator import deadline, page, runtime
from session_operator.glance import glance

SETTING = "SESSION_OPERATOR_FAIL_FAST"
ON, OFF = ("1", "true", "on", "yes"), ("", "0", "false", "off", "no")

logger = logging.getLogger("session_operator")


class DatabaseDown(OperationalError):
    """The database does not answer, and nobody waited for it."""


def wanted():
    """Whether the environment asks for it. A word that means neither is said, and counts as no."""
    said = os.environ.get(SETTING, "").strip().lower()
    if said not in ON + OFF:
        sys.stderr.write("session_operator: %s is %r; write 1 or 0. Queries do not fail fast.\n" % (SETTING, said))
    return said in ON


def install(module):
    """Patch django.db.backends.base.base, if it is wanted."""
    wrapper = module.BaseDatabaseWrapper
    if not wanted() or getattr(wrapper.connect, "session_operator", False):
        return
    # All ways to the server of what is new: a connection, a cursor, the beginning of a transaction, and its commit.
    for name in ("connect", "_cursor", "set_autocommit", "commit"):
        setattr(wrapper, name, _guarded(name, getattr(wrapper, name)))


def _guarded(name, original):
    @functools.wraps(original)
    def operation(self, *args, **kwargs):
        leaves = name == "set_autocommit" and (args[0] if args else kwargs["autocommit"])
        if not leaves and _down(self):
            _refuse(self)
        if name == "_cursor" and _watched not in self.execute_wrappers:
            # In front: Django takes away the last one when a block of execute_wrapper() ends.
            self.execute_wrappers.insert(0, _watched)
        if name == "connect":
            return _connected(original, self, *args, **kwargs)
        return original(self, *args, **kwargs)

    operation.session_operator = True
    return operation


def _down(connection):
    words = glance.words
    if words is None or not silent(words[1]) or connection.alias != runtime.served_alias():
        return False
    return not deadline.of_a_session(connection) and runtime.alive()


def silent(word):
    """Whether the page's word says that the database does not answer."""
    return word & page.SILENT and word & page.MODE_MASK in (page.SKIP_SAVE, page.CACHE)


def _refuse(connection):
    # Whatever Django does next with this connection (a rollback, a look whether it is usable) must not wait either.
    deadline.shut_down(connection)
    if not connection.in_atomic_block:
        connection.close()
    logger.info("a query was refused: the database does not answer")
    raise DatabaseDown(
        "the database '%s' does not answer, so this query was not sent (%s is set)" % (connection.alias, SETTING)
    )


def _watched(execute, sql, params, many, context):
    """An execute wrapper: a query that was under way when the database stopped answering is cut off after the page's deadline."""
    return _patiently(context["connection"], execute, sql, params, many, context)


def _connected(original, connection, *args, **kwargs):
    """Connecting has no socket that could be cut off: the driver's own timeout bounds it."""
    return _patiently(connection, original, connection, *args, **kwargs)


def _patiently(connection, call, *args, **kwargs):
    known = runtime.current()
    if known is None or deadline.of_a_session(connection) or connection.alias != runtime.served_alias():
        return call(*args, **kwargs)
    with deadline.Watch([connection], known, patient=True):
        return call(*args, **kwargs)
