"""Writes histories by hand: one request a second, each takes a tenth of it."""
from tests.History.judge.event import COOKIE_AGE, EMPTY, Event, Fault, changed
from tests.History.judge.judge import judge

START = 1000.0


def state(plain=None, nested=None, log=(), expiry=None):
    return {"plain": plain or {}, "nested": nested or {}, "log": list(log), "expiry": expiry}


class History:
    def __init__(self, *faults):
        self.events, self.faults, self.now = [], list(faults), START

    def add(self, kind, key, status=200, user="1", shows=None, takes=0.1, later=1.0, **more):
        """shows: the state in the answer. An alive answer sends the cookie again, as save-every does."""
        event = Event("somebody", 0, kind, self.now, self.now + takes, status, key, **more)
        if status == 200:
            event.user, event.state = user, shows or EMPTY
            if event.new_key is None and not event.dropped:
                event.new_key = key
        elif status == 503:
            event.retry_after = more.get("retry_after", True)
        self.events.append(event)
        self.now += later
        return self

    def login(self, key="a", before=None, shows=None, user="1"):
        return self.add("login", before, new_key=key, shows=shows, user=user)

    def write(self, key, value, before=None, status=200, name="x", **more):
        change = ("plain", name, value)
        return self.add("plain", key, status, change=change, shows=changed(before or EMPTY, change), **more)

    def read(self, key, shows=None, **more):
        return self.add("read", key, shows=shows, **more)

    def end(self, key, kind="flush", status=200, **more):
        return self.add(kind, key, status, user=None, dropped=status == 200, **more)

    def dead(self, key, **more):
        """The answer to a cookie of a session that is none."""
        return self.add("read", key, user=None, dropped=True, **more)

    def last(self, **more):
        """Changes the request written last."""
        for name, value in more.items():
            setattr(self.events[-1], name, value)
        return self

    def verdict(self, rows, logins=None):
        """rows: {key: state}, of user "1" and of the right age unless given as (state, user, expires)."""
        found = {}
        for key, row in rows.items():
            held, user, expires = row if isinstance(row, tuple) else (row, "1", None)
            if expires is None:
                writes = [event.sent for event in self.events if key in (event.key, event.new_key) and event.status == 200]
                expires = max(writes, default=self.now) + (held["expiry"] or COOKIE_AGE)
            found[key] = {"user": user, "state": held, "expires": expires}
        told = {"1": self.now, "2": self.now} if logins is None else logins
        return judge(self.events, self.faults, {"sessions": found, "logins": told})

    def rules(self, rows, **more):
        return sorted({violation.rule for violation in self.verdict(rows, **more)})


def fault(kind, begin, lifted, target=-1, settled=0.0):
    """Times in seconds of the history."""
    return Fault(kind, START + begin, START + lifted, target, START + settled if settled else 0.0)
