"""What a session operation looks at in Normal, all in one small object.

Between two operations a process does so much else that the processor has forgotten them: there, each further object that must be
fetched from memory costs more than the instructions that use it.
"""

import threading


class Glance:
    """The fields and who sets them are:

    words: the mode page's words while they may be obeyed, else None (runtime)
    page: the mode page that they are of, also while it must not be obeyed (runtime)
    reports: the reports that wait for their answer (reports)
    own: what belongs to the thread: its `used` connections, and `line`, see Line (connected)
    generation: a number that changes when threads are to look their connections up again (connected)
    """

    __slots__ = ("words", "page", "reports", "own", "generation")

    def __init__(self):
        self.words = self.page = None
        self.reports = set()
        self.own = threading.local()
        self.generation = 0


glance = Glance()
