"""What a session operation looks at in Normal, all in one small object.

Between two operations a process does so much else that the processor has forgotten them: there, each further object that must be
fetched from memory costs more than the instructions that use it.
"""

import threading

from session_operator import native

NOT_PLAIN = bytes(1)


class Glance:
    """The fields and who sets them are:

    plain: one byte, which the sidecar changes: not zero while an operation may go to the engine with nothing else looked at. For ever zero
        while the page's words must not be obeyed, or reports wait
    words: the mode page's words while they may be obeyed, else None (runtime, by obey)
    page: the mode page that they are of, also while it must not be obeyed (runtime)
    reports: the reports that wait for their answer (reports, by reporting)
    own: what belongs to the thread: its `used` connections, and `line`, see Line (connected)
    generation: a number that changes when threads are to look their connections up again (connected)
    ended: by the id of a store, while its request is not over: a reference to it, and what it ended in Normal, each a key and the expiry
        that its user had set (removing)
    refused: whether this process has ever answered that a session is not available (responses)
    """

    __slots__ = ("plain", "words", "page", "reports", "own", "generation", "ended", "refused", "_changing")

    def __init__(self):
        self.words = self.page = None
        self.plain = NOT_PLAIN
        self.reports = set()
        self.ended = {}
        self.refused = False
        self.generation = 0
        self.unlock()
        self.disown()

    def unlock(self):
        """A lock that was held during a fork is held for ever in the child."""
        self._changing = native.allocate_lock()

    def disown(self):
        """Forget what belongs to threads."""
        self.own = type("Own", (threading.local,), {"line": None})()

    def obey(self, page):
        """What that page says holds from now on; None: nothing does."""
        with self._changing:
            self.words = None if page is None else page.words
            self._choose()

    def reporting(self, report, begins):
        """That report begins to wait for its answer, or is answered."""
        with self._changing:
            (self.reports.add if begins else self.reports.discard)(report)
            self._choose()

    def _choose(self):
        self.plain = NOT_PLAIN if self.words is None or self.reports else self.page.plain


glance = Glance()
