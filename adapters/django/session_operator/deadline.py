"""The watchdog: no database call made for a session outlives the page's deadline.

A statement timeout does not fire on a frozen server, so the socket itself is shut down under the driver.
"""

import math
import os
import socket

from session_operator import native, page

_WATCH = "_session_operator_watch"  # on Django's connection: the innermost call that uses it
# Seconds between two looks at the running calls. Each look takes Python from the request under way, and nearly every call is over in
# milliseconds: only one that is not is watched closely.
IDLE = 0.25
CLOSE = 0.05
LONG = 0.1

_active = {}
_lock = native.allocate_lock()
_cutting = False  # under _lock: a call may be cut off right now


def reset():
    """Forget the parent's calls after a fork."""
    global _active, _lock, _cutting
    _active = {}
    _cutting = False
    _lock = native.allocate_lock()


class Watch:
    """One database call, watched while the context lasts.

    An error of a call that was cut off carries `session_operator_cut`. `patient` marks a query of the app's own: it may take as long as
    it likes while the database answers.
    """

    __slots__ = ("connections", "outer", "page", "started", "normal", "cut", "patient")

    def __init__(self, connections, known, patient=False):
        self.connections = connections
        self.page = known
        self.cut = False
        self.patient = patient

    def __enter__(self):
        normal = self.page.words[1] & page.MODE_MASK == page.NORMAL
        self.outer = outer = []
        for connection in self.connections:
            state = connection.__dict__
            outer.append(state.get(_WATCH))
            state[_WATCH] = self
            if "get_connection_params" not in state:
                _bound_connect(connection)
            if connection.in_atomic_block:
                # A call inside the caller's own transaction is cut at its deadline only: a flip alone must not undo his work.
                normal = False
        self.normal = normal
        self.started = native.monotonic()
        _active[self] = self
        return self

    def __exit__(self, kind, error, traceback):
        _active.pop(self, None)
        if _cutting:
            with _lock:  # a call that is over is never touched: neither here nor by who uses the connection next
                pass
        for connection, outer in zip(self.connections, self.outer):
            connection.__dict__[_WATCH] = outer
        if self.cut:
            if error is not None:
                error.session_operator_cut = True
            else:
                # It finished just as we cut: the answer stands, the connection does not.
                for connection in self.connections:
                    if not connection.in_atomic_block:
                        connection.close()
        return False

    def overdue(self, now):
        """Whether the call is older than the page's deadline; 0 means there is none."""
        return 0 < self.page.deadline < now - self.started


def of_a_session(connection):
    """Whether the call that uses Django's `connection` now is one of a session operation."""
    watch = connection.__dict__.get(_WATCH)
    return watch is not None and not watch.patient


def cut_overdue(word):
    """Cut off every call past its deadline, and those that began in Normal if the database may not be touched now.

    The app's own queries are cut off only once the sidecar says that the database does not answer. Returns the seconds until the next look.
    """
    global _cutting
    if not _active:
        return IDLE
    pause = IDLE
    now = native.monotonic()
    left_normal = word & page.MODE_MASK != page.NORMAL and not word & page.READABLE
    for watch in list(_active.values()):
        if now - watch.started > LONG or watch.overdue(now + IDLE):
            pause = CLOSE
        if watch.patient:
            due = word & page.SILENT and watch.overdue(now)
        else:
            due = watch.overdue(now) or (left_normal and watch.normal)
        if due:
            with _lock:
                # Said first, looked second; the call's thread leaves first and looks second. So one of the two sees the other.
                _cutting = True
                try:
                    if watch in _active and not watch.cut:
                        watch.cut = any([shut_down(connection) for connection in watch.connections])
                finally:
                    _cutting = False
    return pause


def shut_down(connection):
    """Shut down the socket of Django's `connection`; false if it has none (it is still connecting, or was closed)."""
    driver = connection.connection
    number = _descriptor(driver)
    if number is None:
        return False
    try:
        duplicate = os.dup(number)
    except OSError:
        return False
    # The driver may have closed it between the two lines above and the number may be another's: look again.
    if connection.connection is not driver or _descriptor(driver) != number:
        os.close(duplicate)
        return False
    with socket.socket(fileno=duplicate) as ours:
        try:
            ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False
    return True


def _descriptor(driver):
    """The file descriptor under a driver's connection (psycopg2, psycopg, mysqlclient, PyMySQL), or None."""
    if driver is None:
        return None
    try:
        number = driver.fileno() if hasattr(driver, "fileno") else driver._sock.fileno()
    except Exception:  # closed: each driver has its own way to say so
        return None
    return number if isinstance(number, int) and number >= 0 else None


def _bound_connect(connection):
    """Where no socket exists yet, the driver's own connect timeout (whole seconds, at least 2) stands in for us.

    Django connects again when it leaves a transaction whose connection broke: not after we cut it.
    """
    own = connection.get_connection_params

    def get_connection_params():
        params = own()
        watch = connection.__dict__.get(_WATCH)
        if watch is not None:
            if not watch.patient and (watch.cut or watch.overdue(native.monotonic())):
                raise connection.Database.OperationalError("cut off after the deadline of a session operation")
            if connection.vendor in ("postgresql", "mysql"):
                params.setdefault("connect_timeout", max(2, math.ceil(watch.page.deadline)))
        return params

    connection.get_connection_params = get_connection_params
