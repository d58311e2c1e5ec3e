"""One request as a browser would send it, and what the client learnt from the answer."""
import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass

# Longer than any fault: a client that gave up earlier would send its next request while the old one is still
# being worked on, and two requests of one session at a time are a race in stock Django, too.
TIMEOUT = 30.0

SESSION, USER, AUTH, REPLAY = "session", "user", "auth", "replay"
CATEGORIES = {"light": SESSION, "write": SESSION, "user": USER,
              "login": AUTH, "logout": AUTH, "flush": AUTH, "replay": REPLAY}


@dataclass(slots=True)
class Event:
    """One request and its answer. Times are in seconds since 1970, as the rows' are. Status 0: no answer at all."""
    client: str
    kind: str
    sent: float
    done: float = 0.0
    status: int = 0
    key: str | None = None        # the session cookie that was sent
    new_key: str | None = None    # the session cookie of the answer
    dropped: bool = False         # the answer deletes the session cookie
    change: tuple | None = None   # of a write: ("top" or "nested", value)
    user: str | None = None       # whose session it is, as the answer says
    state: dict | None = None     # what the session holds, as the answer says

    @property
    def category(self) -> str:
        return CATEGORIES[self.kind]


class Browser:
    """Holds one session cookie, sends one request at a time."""

    def __init__(self, name, address, record):
        """address: host and port."""
        self.name, self.address, self.record, self.key = name, address, record, None

    def light(self):
        return self._send("light", "GET", "/light")

    def write(self, how, value):
        return self._send("write", "POST", "/write", {"how": how, "value": value}, change=(how, value))

    def user(self):
        return self._send("user", "GET", "/user")

    def login(self, account, password):
        return self._send("login", "POST", "/login", {"name": account, "password": password})

    def logout(self):
        return self._send("logout", "POST", "/logout", {})

    def flush(self):
        return self._send("flush", "POST", "/flush", {})

    def replay(self, key):
        """Sends a cookie from before a logout; what comes back does not become ours."""
        self.key = key
        return self._send("replay", "GET", "/light")

    def _send(self, kind, method, path, form=None, change=None):
        event = Event(self.name, kind, time.time(), key=self.key, change=change)
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        headers = {"Cookie": f"sessionid={self.key}"} if self.key else {}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self._read(event, answer, content)
        except (OSError, http.client.HTTPException):
            event.status = 0
        finally:
            connection.close()
        event.done = time.time()
        if event.new_key:
            self.key = event.new_key
        elif event.dropped:
            self.key = None
        self.record(event)
        return event

    @staticmethod
    def _read(event, answer, content):
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            if name == "sessionid":
                if value in ("", '""'):
                    event.dropped = True
                else:
                    event.new_key = value
        if answer.status == 200:
            told = json.loads(content)
            event.user, event.state = told["user"], told["state"]
        event.status = answer.status
