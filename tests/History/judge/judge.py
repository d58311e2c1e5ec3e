"""Histories in, violations out. Pure: computed only from what the clients saw, the faults in force, and the rows afterwards."""
from dataclasses import dataclass, field

from .allowed import beside, excuse, horizon, interrupted
from .event import COOKIE_AGE, DATABASE, EMPTY, ENDS, Event, Violation, changed, difference
from .register import Register

SLACK = 1.5  # seconds between a request's interval and the expiry of its row


@dataclass
class _Session:
    key: str
    birth: Event
    requests: list[Event] = field(default_factory=list)

    @property
    def user(self):
        return self.birth.user

    def ended(self):
        """When its end was acknowledged; None while it was not."""
        return min((event.done for event in self.requests if event.ended), default=None)


class _Judge:
    def __init__(self, events, faults, rows):
        self.events, self.faults, self.rows = sorted(events, key=lambda event: event.sent), faults, rows
        self.end = max((event.done for event in events), default=0.0)
        self.violations, self.sessions = [], {}

    def find(self, rule, text, event=None):
        who = f"{event.client} {event.kind} on pod {event.pod}: " if event else ""
        self.violations.append(Violation(rule, who + text, event.sent if event else self.end))

    def judge(self):
        self._births()
        for event in self.events:
            if event.key in self.sessions:
                self.sessions[event.key].requests.append(event)
        self._renewals()
        for event in self.events:
            self._answer(event)
        for session in self.sessions.values():
            self._life(session)
            self._row(session)
        self._strangers()
        self._logins()
        return sorted(self.violations, key=lambda violation: violation.at)

    def _births(self):
        """Every session id has one birth. An id that is given again, or survives a login, is a fixed one (S5)."""
        for event in sorted(self.events, key=lambda event: event.done):
            if event.new_key not in (None, event.key):
                if event.new_key in self.sessions:
                    self.find("S5", "was given a session id that was in use before", event)
                else:
                    self.sessions[event.new_key] = _Session(event.new_key, event)

    def _renewals(self):
        """A login must change the session id, unless the session is that user's already; a rotation must always."""
        for event in self.events:
            if event.status == 200 and event.kind in ("login", "cycle") and event.new_key in (None, event.key):
                session = self.sessions.get(event.key)
                if event.kind == "cycle" or session is None or session.user != event.user:
                    self.find("S5", "acknowledged without a new session id", event)

    def _answer(self, event):
        """S3 and S4: a failure needs a reason."""
        if event.status == 200:
            if event.key is None and event.change and event.new_key is None:
                self.find("S1", "a change was acknowledged without a session to hold it", event)
            if event.key is None and event.new_key and event.state != changed(EMPTY, event.change):
                self.find("S5", f"a new session holds {event.state}", event)
            return
        session = self.sessions.get(event.key)
        if event.dropped and not (session and self._ending(session, event)):
            self.find("S6", f"the session cookie was deleted by an error ({event.status})", event)
        if event.status == 400 and self._ended_meanwhile(event):
            return
        over = session is not None and any(other.ended and other.sent < event.done for other in session.requests)
        if excuse(event, self.faults, over) is None:
            rule = "S3" if event.status == 400 else "S4"
            self.find(rule, f"answered {event.status} after {event.done - event.sent:.2f} s, which no fault explains", event)

    def _ended_meanwhile(self, event):
        """A genuine concurrent logout: the session's end was under way, or may have happened although it was not acknowledged."""
        session = self.sessions.get(event.key)
        return session is not None and any(
            other.kind in ENDS and other is not event and other.sent < event.done
            and (event.sent <= other.done or self._perhaps(other) or (other.ended and self._raced(session, other, event)))
            for other in session.requests)

    def _raced(self, session, end, event):
        """In stock Django, too, a request beside a logout may leave the engine's cache entry behind: the next one gets a 400. A frozen
        cache may do later what it was sent by one that had given up before."""
        return any(other is not end and other is not event and other.sent < end.done
                   and max(other.done, horizon(other, self.faults)) > end.sent for other in session.requests)

    def _perhaps(self, end):
        """An end that was not acknowledged, and may have happened all the same. An honest 503 says that it has not, or that it may have."""
        return end.status != 200 and not (end.status == 503 and end.retry_after and not end.unsure and not interrupted(end, self.faults))

    def _life(self, session):
        ended = session.ended()
        seen = [event for event in session.requests
                if (event.kind not in ("flush", "logout") or event.status != 200) and not self._too_late(session, event)
                and (ended is None or event.sent <= ended)]
        session.register = Register(session.birth, seen, self.faults)
        for event in session.requests:
            if event.status != 200:
                continue
            if ended is not None and event.sent > ended:
                self._after_end(session, event, ended)
            elif event.alive:
                if event.user != session.user and event.kind != "login":
                    self.find("S6", f"the session of {session.user} was answered as one of {event.user}", event)
            elif event.kind not in ("flush", "logout") and not self._ending(session, event) and not self._bare(session, event):
                self.find("S6", "a session that nobody ended was treated as none"
                          + (", its cookie deleted" if event.dropped else ""), event)
        for event, expected in session.register.seen():
            nearest = min((difference(state, event.state) for state in expected), key=len, default="nothing was expected")
            self.find("S1", f"the answer does not show the last acknowledged state: {nearest}", event)

    def _ending(self, session, event):
        """Another request ends the session, or may have ended it, before this one is over."""
        return any(other.kind in ENDS and other is not event and other.sent < event.done and (other.ended or self._perhaps(other))
                   for other in session.requests)

    def _goes_on(self, session, end):
        """An end of which a 503 said that nobody knows, and after which the session was used: what was acknowledged then has to stay. Not
        where more than the database was hit at that moment."""
        return (end.unsure and not interrupted(end, self.faults) and not beside(end, self.faults)
                and any(event.alive and event.sent > horizon(end, self.faults) for event in session.requests))

    @staticmethod
    def _bare(session, event):
        """The rotation of nobody's session that held nothing: its answer is that to a cookie of no session, in stock Django, too."""
        return event.kind == "cycle" and session.user is None and EMPTY in session.register.before(event)

    def _too_late(self, session, event):
        """One of two ends at a time that found nothing left."""
        return event.kind in ENDS and event.state == EMPTY and self._ending(session, event)

    def _after_end(self, session, event, ended):
        if event.user is not None and event.kind != "login":
            self.find("S2", f"logged in again, {event.sent - ended:.3f} s after its end was acknowledged", event)
        elif event.alive or (event.kind != "login" and event.state != changed(EMPTY, event.change)):
            if event.kind != "login" or event.state != EMPTY:
                self.find("S2", f"still holds data, {event.sent - ended:.3f} s after its end was acknowledged", event)

    def _row(self, session):
        row = self.rows["sessions"].get(session.key)
        if session.ended() is not None:
            if row:
                self.find("S2", f"the database holds a session that was ended ({self._ends(session)})")
            return
        perhaps = any(event.kind in ENDS and self._perhaps(event) and not self._goes_on(session, event) for event in session.requests)
        if row is None:
            if not perhaps:
                rule = "S7" if self._in_outage(session.birth) else "S1"
                self.find(rule, f"a session of {session.user or 'nobody'}, born by {session.birth.kind} of {session.birth.client} "
                          f"at {session.birth.sent:.3f}, has no row")
            return
        if row["user"] != session.user:
            self.find("S7", f"the row of a session of {session.user} belongs to {row['user']}")
        possible = session.register.last(self.end + 3600)
        if row["state"] not in possible:
            nearest = min((difference(state, row["state"]) for state in possible), key=len)
            last = max((event.sent for event in session.register.acknowledged), default=session.birth.sent)
            self.find("S7", f"the row of a session of {session.birth.client} is not its last acknowledged state (of {last:.3f}): {nearest}")
        self._expiry(session, row)

    def _expiry(self, session, row):
        """Expiry moves are kept (S7): a change's always; an unchanged save's, unless the sidecar or cache that held it was hit."""
        age = row["state"]["expiry"] or COOKIE_AGE
        writers = [session.birth, *session.register.acknowledged]
        hit = any(fault.kind in ("sidecar", "pod", "worker", "cache-stop", "cache-freeze") for fault in self.faults)
        counted = [event for event in writers if event.state == row["state"] and (not hit or event.change or event is session.birth)]
        moved = max((event.sent for event in counted), default=session.birth.sent)
        if row["expires"] < moved + age - SLACK:
            self.find("S7", f"the row expires {moved + age - row['expires']:.1f} s before the last acknowledged request says")
        last = max(event.done for event in [session.birth, *session.requests])
        if row["expires"] > last + age + SLACK:
            self.find("S7", f"the row expires {row['expires'] - last - age:.1f} s after the last request says")

    def _in_outage(self, event):
        return any(fault.kind in DATABASE and fault.begin <= event.done and event.sent <= fault.lifted + 5 for fault in self.faults)

    @staticmethod
    def _ends(session):
        return ", ".join(f"{event.kind} by {event.client} on pod {event.pod} {event.sent:.3f}..{event.done:.3f}"
                         for event in session.requests if event.ended)

    def _strangers(self):
        """Rows of sessions nobody was told of: at most one for each request that may have made one without being answered. In stock Django,
        too, a change makes a new session where the one it was sent with has just been ended."""
        unanswered = sum(1 for event in self.events if event.status != 200 and (
            event.kind in ("login", "cycle") or event.key is None or (event.change and self._ended_meanwhile(event))))
        strangers = len(self.rows["sessions"].keys() - self.sessions.keys())
        if strangers > unanswered:
            self.find("S7", f"the database holds {strangers} sessions nobody knows of; {unanswered} requests may have left one")

    def _logins(self):
        for event in self.events:
            if event.kind == "login" and event.status == 200 and self.rows["logins"].get(event.user, 0.0) < event.sent:
                self.find("S7", f"last_login of account {event.user} is older than an acknowledged login", event)


def judge(events, faults, rows) -> list[Violation]:
    """events: of all clients (event.Event). faults: event.Fault. rows: {"sessions": {key: {"user", "state", "expires"}},
    "logins": {account: moment}}, read when nobody sends requests any more."""
    return _Judge(events, faults, rows).judge()
