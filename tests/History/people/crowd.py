"""The people of one seed: single users, users with two tabs, and somebody who tries the cookies of ended sessions."""
import itertools
import random
import threading
import time

from .client import TIMEOUT, Client, Jar

SINGLES, PAIRS = 7, 2
THINK = 0.04    # seconds, at most twice that, between two requests of one client
NAMES = ("a", "b", "c")

# How often each thing is done, of 100, by somebody who has a session.
HABITS = {"read": 34, "user": 6, "plain": 17, "nested": 13, "append": 13, "expiry": 3, "cycle": 4, "login": 3, "flush": 4, "logout": 3}


class Crowd:
    """Closed loop: everybody waits for an answer, thinks, and sends the next request, to another pod each time."""

    def __init__(self, seed, pods, password, quiet):
        """quiet: says whether pages that query the database themselves are to be avoided now; on a frozen server such a
        page holds its worker, whatever becomes of the session."""
        self.seed, self.pods, self.password, self.quiet = seed, pods, password, quiet
        self.events, self.defects, self.ended = [], [], []
        self.closed, self.threads, self.values = threading.Event(), [], itertools.count(1)

    def start(self):
        for number in range(SINGLES):
            self._tab(f"single{number}", Jar(f"user{number}"))
        for number in range(PAIRS):
            jar = Jar(f"user{SINGLES + number}")
            for tab in "AB":
                self._tab(f"pair{number}{tab}", jar)
        self._thread("ghost", self._try_ended)

    def stop(self):
        """Nobody begins another request; those under way end."""
        self.closed.set()
        for thread in self.threads:
            thread.join(TIMEOUT + 5)
            if thread.is_alive():
                self.defects.append(f"{thread.name} did not come to an end")
        if self.defects:
            raise RuntimeError("the load generator itself failed: " + "; ".join(self.defects))

    def sweep(self):
        """Every session id whose end was acknowledged, on every pod."""
        client = self._client("sweep")
        keys = {event.key for event in self.events if event.ended}
        for key in sorted(keys):
            for pod in self.pods:
                client.send_to(pod, "read", key)

    def _client(self, name):
        return Client(name, self.pods, random.Random(f"{self.seed} {name}"), self.events.append)

    def _tab(self, name, jar):
        client = self._client(name)
        self._thread(name, self._live, client, jar)

    def _thread(self, name, target, *arguments):
        def run():
            try:
                target(*arguments)
            except Exception as error:  # a thread's exception would otherwise only be printed
                self.defects.append(f"{name}: {error!r}")
        thread = threading.Thread(target=run, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _live(self, client, jar):
        chance = client.chance
        while not self.closed.wait(chance.random() * 2 * THINK):
            key = jar.key
            if key is None:
                kind = chance.choice(("login", "login", "plain", "append"))
            else:
                kind = chance.choices(list(HABITS), HABITS.values())[0]
            if kind == "login" and jar.user is not None:
                kind = "cycle"
            if self.quiet() and kind in ("login", "logout", "user"):
                kind = {"login": "plain", "logout": "flush", "user": "read"}[kind]
            event = self._do(client, jar, kind, key)
            jar.take(event)
            if event.ended:
                self.ended.append(key)
                client.send("read", key)  # the old cookie, at once, on another pod perhaps

    def _do(self, client, jar, kind, key):
        value, name = next(self.values), client.chance.choice(NAMES)
        match kind:
            case "plain" | "nested":
                return client.send(kind, key, {"name": name, "value": value}, (kind, name, value))
            case "append":
                return client.send(kind, key, {"value": value}, (kind, value))
            case "expiry":
                seconds = 3600 + value
                return client.send(kind, key, {"value": seconds}, (kind, seconds))
            case "login":
                return client.send(kind, key, {"name": jar.account, "password": self.password})
            case "read" | "user":
                return client.send(kind, key)
        return client.send(kind, key, {})

    def _try_ended(self):
        client = self._client("ghost")
        while not self.closed.wait(THINK):
            if self.ended:
                client.send("read", client.chance.choice(self.ended[-30:]))


def wait_for(condition, seconds, what):
    """Until the condition holds, with a deadline."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
