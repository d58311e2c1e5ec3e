"""One session as a register: each request reads it whole, perhaps changes it, and writes it whole.

Two requests at a time: the last writer wins, as in stock Django. So what a request may see is what some request wrote that
was not followed by another acknowledged one before this one began. For one client at a time that is exactly the last
acknowledged state, or the last one plus changes that were answered with an error.
"""
from .allowed import horizon
from .event import Event, changed

MOST_GUESSES = 64


class Register:
    """birth: the request whose answer brought the session id. requests: all others with it that may have written, any order."""

    def __init__(self, birth: Event, requests: list[Event], faults):
        self.birth = birth
        self.acknowledged = sorted((event for event in requests if event.alive), key=lambda event: event.sent)
        self.doubtful = sorted((event for event in requests if event.status != 200), key=lambda event: event.sent)
        self.writers = [(birth, birth.done), *((event, event.done) for event in self.acknowledged)]
        self.guesses = {id(event): [] for event in self.doubtful}
        self.horizons = {id(event): horizon(event, faults) for event in self.doubtful}
        for _ in range(2):  # twice, for doubtful requests that overlap one another
            for event in self.doubtful:
                self.guesses[id(event)] = [changed(state, event.change) for state in self.before(event)][:MOST_GUESSES]

    def before(self, event: Event) -> list[dict]:
        """The states a request may have read."""
        return self._unreplaced(event.sent, event.done, event)

    def last(self, at: float) -> list[dict]:
        """The states the session may have when all is over."""
        return self._unreplaced(at, at, None)

    def seen(self) -> list[tuple[Event, list[dict]]]:
        """Acknowledged requests whose answer shows what it should not, with what it should."""
        wrong = []
        for event in self.acknowledged:
            expected = [changed(state, event.change) for state in self.before(event)]
            if event.state not in expected:
                wrong.append((event, expected))
        return wrong

    def _unreplaced(self, sent, done, reader):
        # Of acknowledged requests that were over before the reader began, the one that began last replaced all that ended before it.
        latest = max((event.sent for event in self.acknowledged if event.done < sent and event is not reader),
                     default=float("-inf"))
        states = []
        for event, end in self.writers:
            if event is not reader and event.sent < done and end >= latest and event.state not in states:
                states.append(event.state)
        for event in self.doubtful:
            if event is not reader and event.sent < done and self.horizons[id(event)] >= latest:
                states.extend(state for state in self.guesses[id(event)] if state not in states)
        return states
