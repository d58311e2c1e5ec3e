"""Looks at the run from outside: which rows move, and which mode the sidecar tells the app."""
import mmap
import threading
import time

MODES = ("Normal", "SkipSave", "Cache", "Drain")
COOKIE_AGE = 1209600  # seconds; Django's default: a saved row expires this long after its save


class RowWatch:
    """After the fault: does the row of every lasting user follow their requests again?

    Stock Django with save-every writes the row within each request, so a row whose expiry is older than the user's
    last answered request was not written by that request: the app is not back to stock behaviour.
    """

    def __init__(self, database, load):
        self.database, self.load, self.polls, self.defect = database, load, [], None
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._guard, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.closed.set()
        self.thread.join(15)
        if self.defect:
            raise self.defect

    def _guard(self):
        try:
            self._run()
        except Exception as error:
            self.defect = error

    def _run(self):
        connection = self.database.connect()
        try:
            while not self.closed.wait(0.2):
                asked, sent = time.time(), dict(self.load.last_sent)
                keys = ",".join(f"'{key}'" for key in sent)
                rows = connection.ask(
                    f"SELECT session_key, extract(epoch FROM expire_date) FROM django_session WHERE session_key IN ({keys})")
                saved = {key: float(expires) - COOKIE_AGE for key, expires in rows}
                self.polls.append((asked, all(saved.get(key, 0) >= moment for key, moment in sent.items())))
        finally:
            connection.close()


def recovered_at(polls, failures, lifted):
    """Seconds from the end of the fault until the app behaves as stock from there to the end; None if it never does.

    polls: (time, every row follows); failures: times of requests that failed after the fault.
    """
    steady = None
    for moment, follows in polls:
        if not follows:
            steady = None
        elif steady is None:
            steady = moment
    if steady is None:
        return None
    return max(0.0, max([steady, *failures]) - lifted)


class ModePage:
    """The mode as the app reads it (docs/reference/sidecar-api.md, the mode page). Only for the picture and the
    progress line; and for the deadline a frozen call is allowed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.page = mmap.mmap(file.fileno(), 4096, access=mmap.ACCESS_READ)

    def mode(self) -> str:
        return MODES[self.page[8]]

    def deadline(self) -> float:
        """Seconds."""
        return int.from_bytes(self.page[32:36], "little") / 1000


class ModeWatch:
    """Keeps the moments at which the mode changed."""

    def __init__(self, page):
        self.page, self.changes, self.closed = page, [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.closed.set()
        self.thread.join(5)

    def _run(self):
        while not self.closed.wait(0.02):
            mode = self.page.mode()
            if not self.changes or self.changes[-1][1] != mode:
                self.changes.append((time.time(), mode))
