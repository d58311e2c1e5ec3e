"""The watchdog: no database call made for a session outlives the page's deadline.

A statement timeout does not fire on a frozen server, so the socket itself is shut down under the driver.
"""

import math
import os
import socket
import weakref

from session_operator import native, page
from session_operator.glance import glance

_LINE = "_session_operator_line"  # on Django's connection: its Line
# Seconds between two looks at the running calls. Each look takes Python from the request under way, and nearly every call is over in
# milliseconds: only one that is not is watched closely.
IDLE = 0.25
CLOSE = 0.05
LONG = 0.1

_active = {}
_lines = []  # weak references to each Line; replaced under _lock
_lock = native.allocate_lock()
_cutting = False  # under _lock: a call may be cut off right now


def reset():
    """Forget the parent's calls after a fork."""
    global _active, _lines, _lock, _cutting
    _active = {}
    _lines = []
    _cutting = False
    _lock = native.allocate_lock()


class Line:
    """What is going on on one of Django's connections. It stays with the connection, so that the usual call needs nothing new.

    The usual call is a session's, begun in Normal and outside any transaction: `started` tells since when there is one, `page` what is
    in force. It is cut off as a Watch is. `watch` is the innermost Watch that uses the connection. `ready`: there is none, and the
    thread looked its connection up of late.
    """

    __slots__ = ("connection", "started", "page", "suspected", "due", "cut", "watch", "ready", "generation", "among", "__weakref__")
    normal, patient = True, False

    def __init__(self, connection):
        self.connection = connection
        self.page = self.among = None
        self.generation = None  # connected's
        self.clear()

    def clear(self):
        """Nothing is going on."""
        self.started = self.due = self.watch = None
        self.suspected = self.cut = self.ready = False

    def over(self, error):
        """To be called after the call, with what it raised or None, if it was `suspected`."""
        with _lock:  # a call that is over is never touched: neither here nor by who uses the connection next
            cut, self.suspected, self.cut = self.cut, False, False
        if cut:
            _after_cut((self.connection,), error)

    def cut_off(self, started):
        """Cut off the call that began then, if it is still under way. Under _lock."""
        # Said first, looked second; the call's thread leaves first and looks second. So one of the two sees the other.
        self.suspected = True
        if self.started is started:
            self.due = started  # see _may_not_connect()
            self.cut = shut_down(self.connection) or self.cut
        self.suspected = self.cut


def renew():
    """No line is ready, until its thread has looked its connection up again."""
    for known in _lines.copy():
        line = known()
        if line is not None:
            line.ready = False


def line_of(connection):
    """The line of Django's `connection`, made if this is the first call on it."""
    state = connection.__dict__
    line = state.get(_LINE)
    if line is None:
        line = state[_LINE] = Line(connection)
    if line.among is not _lines:
        line.clear()  # inherited over a fork: the call is the parent's
        with _lock:
            line.among = _lines
            _lines[:] = [*(known for known in _lines if known() is not None), weakref.ref(line)]
    if "get_connection_params" not in state:
        _bound_connect(connection)
    return line


class Watch:
    """One database call, watched while the context lasts.

    An error of a call that was cut off carries `session_operator_cut`. `patient` marks a query of the app's own: it may take as long as
    it likes while the database answers. `normal` tells whether the call was decided on in Normal, if its caller knows: the mode may be
    another one by now, and then it must not hang on what the caller did not know.
    """

    __slots__ = ("connections", "outer", "page", "started", "normal", "due", "cut", "patient")

    def __init__(self, connections, known, patient=False, normal=None):
        self.connections = connections
        self.page = known
        self.normal = normal
        self.due = None
        self.cut = False
        self.patient = patient

    def __enter__(self):
        normal = self.normal
        if normal is None:
            normal = self.page.words[1] & page.MODE_MASK == page.NORMAL
        self.outer = outer = []
        for connection in self.connections:
            line = line_of(connection)
            outer.append((line, line.watch))
            line.watch = self
            line.ready = False
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
        for line, watch in self.outer:
            line.watch = watch
            line.ready = watch is None and line.generation == glance.generation
        if self.cut:
            _after_cut(self.connections, error)
        return False

    def cut_off(self, started):
        """Cut off the call, if it is still under way. Under _lock."""
        global _cutting
        _cutting = True  # as in Line.cut_off()
        try:
            if self in _active:
                self.due = started
                self.cut = any([shut_down(connection) for connection in self.connections]) or self.cut
        finally:
            _cutting = False


def _after_cut(connections, error):
    if error is not None:
        error.session_operator_cut = True
    else:
        # It finished just as we cut: the answer stands, the connection does not.
        for connection in connections:
            if not connection.in_atomic_block:
                connection.close()


def _innermost(connection):
    """What uses Django's `connection` now: a Watch, or its Line with the usual call, or None."""
    line = connection.__dict__.get(_LINE)
    if line is None:
        return None
    return line.watch or (line if line.started is not None else None)


def _calls(line):
    """What uses the line's connection now, from the inside out."""
    watch = line.watch
    while watch is not None:
        yield watch
        watch = next(around for used, around in watch.outer if used is line)
    if line.started is not None:
        yield line


def _may_not_connect(line):
    """Whether a session's call under way on that line is to be cut off.

    That is known before its socket is shut down: the call may see the end of it, and connect again to the same silent server, before the
    watchdog is back from shutting it down.
    """
    now = native.monotonic()
    return any(not call.patient and (call.due is call.started or _overdue(call, call.started, now)) for call in _calls(line))


def of_a_session(connection):
    """Whether the call that uses Django's `connection` now is one of a session operation."""
    call = _innermost(connection)
    return call is not None and not call.patient


def _overdue(call, started, now):
    """Whether a call that began at `started` is older than its page's deadline; 0 means there is none."""
    return 0 < call.page.deadline < now - started


def cut_overdue(word):
    """Cut off every call past its deadline, and those that began in Normal if the database may not be touched now.

    The app's own queries are cut off only once the sidecar says that the database does not answer. Returns the seconds until the next look.
    """
    # Nearly always there is nothing to do, and the processor has forgotten this code since it looked last: so as little of it as can be.
    calls = [*_active.values()]
    for known in _lines.copy():
        line = known()
        if line is not None and line.started is not None:
            calls.append(line)
    if not calls:
        return IDLE
    pause = IDLE
    now = native.monotonic()
    left_normal = word & page.MODE_MASK != page.NORMAL and not word & page.READABLE
    for call in calls:
        started = call.started
        if started is None:
            continue
        if now - started > LONG or _overdue(call, started, now + IDLE):
            pause = CLOSE
        due = _overdue(call, started, now)
        if call.patient:
            due = due and word & page.SILENT
        elif left_normal and call.normal:
            due = True
        if due:
            with _lock:
                call.cut_off(started)
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
        call = _innermost(connection)
        if call is not None:
            if _may_not_connect(connection.__dict__[_LINE]):
                raise connection.Database.OperationalError("cut off after the deadline of a session operation")
            if connection.vendor in ("postgresql", "mysql"):
                params.setdefault("connect_timeout", max(2, math.ceil(call.page.deadline)))
        return params

    connection.get_connection_params = get_connection_params
