"""What became of the sessions: computed only from what the clients saw and from the rows that are there afterwards."""
from dataclasses import dataclass, field

EMPTY = {"counter": None, "cart": []}


def changed(state, change):
    how, value = change
    if how == "top":
        return {**state, "counter": value}
    return {**state, "cart": [*state["cart"], value]}


@dataclass
class Verdict:
    acknowledged_changes: int = 0
    lost: int = 0                 # acknowledged changes that the rows do not hold
    resurrected: int = 0          # sessions logged in again, or alive in the database, after their logout
    cookies_dropped: int = 0      # session cookies thrown away without a logout
    stale_reads: int = 0          # answers that did not show the last acknowledged state
    signed_out: int = 0           # answers that treated a logged-in user as a stranger
    ids_reused: int = 0           # logins acknowledged under the session id of before
    logins_lost: int = 0          # accounts whose last_login is older than their last acknowledged login
    findings: list[str] = field(default_factory=list)


@dataclass
class _Session:
    """What one session id should hold, as far as its client knows."""
    state: dict
    user: str | None
    changes: list = field(default_factory=list)
    alive: str = "yes"            # "yes", "no" (logged out, replaced by a login), "perhaps" (a logout was not acknowledged, a login was cut)
    doubts: list = field(default_factory=list)  # states of changes that were answered with an error: perhaps saved
    late: list = field(default_factory=list)    # states of changes never answered: perhaps saved at any later time
    dropped: bool = False
    ended: str = ""               # how and when it stopped living, for people

    def possible(self):
        return [self.state, *self.doubts, *self.late]


class _Judge:
    def __init__(self, kills):
        self.verdict, self.sessions, self.logins, self.risen = Verdict(), {}, {}, set()
        self.kills = kills

    def find(self, number, text, event=None):
        if number:
            setattr(self.verdict, number, getattr(self.verdict, number) + 1)
        when = f"{event.client} at {event.sent:.3f}: " if event else ""
        self.verdict.findings.append(f"{number}: {when}{text}")

    def event(self, event):
        session = self.sessions.get(event.key) if event.key else None
        if event.kind == "replay":
            if event.user is not None:
                self._rise(event.key, "an old cookie was logged in", event)
        elif event.kind == "login":
            self._login(event, session)
        elif event.kind in ("logout", "flush"):
            self._logout(event, session)
        else:
            self._page(event, session)

    def _page(self, event, session):
        if event.kind == "write" and event.status == 200:
            self.verdict.acknowledged_changes += 1
        if session and session.alive == "perhaps" and self._as_of_nobody(event):
            session.alive, session.ended = "no", f"by what was not acknowledged, as an answer at {event.done:.3f} showed"
            session = None
        if session is None:
            if event.status == 200 and event.kind == "write":
                if event.new_key is None:
                    self.find("lost", "a change was acknowledged without a session to hold it", event)
                else:
                    self.sessions[event.new_key] = _Session(changed(EMPTY, event.change), None, [event.change])
            return
        self._cookie(event, session)
        if event.status != 200:
            if event.change:
                (session.doubts if event.status else session.late).append(changed(session.state, event.change))
            return
        if session.user is not None and event.user is None:
            self.find("signed_out", "a logged-in user was answered as a stranger", event)
        expected = session.possible()
        if event.change:
            expected = [changed(state, event.change) for state in expected]
            session.changes.append(event.change)
        if event.state in expected:
            session.state = event.state
        else:
            # Never believe the answer over the acknowledgements: the row must still hold what was acknowledged.
            self.find("stale_reads", "the answer does not show the last acknowledged state", event)
            session.state = expected[0]
        session.doubts.clear()

    @staticmethod
    def _as_of_nobody(event):
        """Whether the answer is that to a cookie of no session at all."""
        return (event.status == 200 and event.user is None and (event.dropped or event.new_key not in (None, event.key))
                and event.state == (changed(EMPTY, event.change) if event.change else EMPTY))

    def _cookie(self, event, session):
        if event.dropped and session.alive == "perhaps":
            session.dropped = True  # wrong only if the session turns out to live
        elif event.dropped:
            self.find("cookies_dropped", "the session cookie was deleted without a logout", event)
        elif event.new_key not in (None, event.key):
            self.find("cookies_dropped", "the session was replaced by another one without a login", event)

    def _login(self, event, before):
        if event.status != 200:
            if before and any(event.sent <= ended and begun <= event.done for begun, ended in self.kills):
                # As in stock Django where the database dies halfway: the old session has ended, and nobody was told of the new one.
                before.alive = "perhaps"
            if before:
                self._cookie(event, before)
            return
        if event.new_key is None or event.new_key == event.key:
            self.find("ids_reused", "a login was acknowledged under the session id of before", event)
            return
        kept = _Session(before.state if before else EMPTY, event.user, list(before.changes) if before else [])
        if before and before.alive == "perhaps" and event.state == EMPTY:
            kept.state, kept.changes = EMPTY, []
        elif event.state not in (before.possible() if before else [EMPTY]):
            self.find("stale_reads", "the login did not keep what the session held", event)
        else:
            kept.state = event.state
        self.sessions[event.new_key] = kept
        if before:
            before.alive, before.ended = "no", f"replaced by a login at {event.sent:.3f}"
        self.logins[event.user] = max(event.sent, self.logins.get(event.user, 0.0))

    def _logout(self, event, session):
        if session is None:
            return
        if event.status == 200:
            session.alive, session.ended = "no", f"{event.kind} at {event.sent:.3f}, answered at {event.done:.3f}"
            return
        session.alive = "perhaps"
        self._cookie(event, session)

    def _rise(self, key, text, event=None):
        if key not in self.risen:
            self.risen.add(key)
            ended = self.sessions[key].ended if key in self.sessions else "unknown"
            self.find("resurrected", f"{text} ({ended})", event)

    def rows(self, rows):
        for key, session in self.sessions.items():
            row = rows["sessions"].get(key)
            if session.alive == "no":
                if row:
                    self._rise(key, "the database holds a session that was logged out")
            elif row is None:
                if session.alive == "yes":
                    self._lose(session, max(1, len(session.changes)), "has no row")
            else:
                if session.dropped:
                    self.find("cookies_dropped", "the cookie of a session that lives was deleted")
                if row["user"] != session.user:
                    self._lose(session, 1, "belongs to somebody else in the database")
                elif row["state"] not in session.possible():
                    text = f"holds {row['state']} instead of {session.state}"
                    self._lose(session, self._missing(session, row["state"]), text)
        for user, moment in self.logins.items():
            if (rows["lastLogins"].get(user) or 0.0) < moment:
                self.find("logins_lost", f"last_login of account {user} is older than the last acknowledged login")

    def _lose(self, session, changes, text):
        self.verdict.lost += changes
        self.verdict.findings.append(f"lost: a session of account {session.user or '(anonymous)'} {text}")

    @staticmethod
    def _missing(session, state):
        missing = [value for value in session.state["cart"] if value not in state["cart"]]
        return max(1, len(missing) + (state["counter"] != session.state["counter"]))


def judge(events, rows, kills=()) -> Verdict:
    """events: of all clients, see client.Event. rows: {"sessions": {key: {"user", "state", ...}}, "lastLogins": {...}}.
    kills: from when to when each part of ours was killed; of a request under way then nobody knows what became of it."""
    judge = _Judge(kills)
    for event in sorted(events, key=lambda event: event.done):
        judge.event(event)
    judge.rows(rows)
    return judge.verdict
