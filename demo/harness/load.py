"""The people: users who stay logged in, users who come and go, and somebody who tries old cookies."""
import itertools
import random
import threading


from .client import TIMEOUT, Browser

THINK = 0.1          # seconds between two requests of one user
USERS = 20           # stay logged in from the beginning to the end
COMERS = 4           # log out and in again, all the time
LEAVERS = 10         # log out one after the other during the fault


class Clock:
    """The phase the run is in: warm, fault, after. The load looks, the run sets."""

    def __init__(self):
        self.phase, self.closed = "warm", threading.Event()

    def pause(self, seconds) -> bool:
        """Waits; False when the run is over."""
        return not self.closed.wait(seconds)


class Load:
    """Closed loop: everybody waits for an answer, thinks, and sends the next request.

    session_only: nobody asks for a page that itself queries the database (login, logout and user pages) while the
    fault is on, because with a frozen database such a page holds its worker, whatever becomes of the session.
    """

    def __init__(self, address, password, session_only=False, calm=1.0):
        """address: the app's host and port. calm: people think that many times as long between two requests."""
        self.address, self.password, self.session_only, self.calm = address, password, session_only, calm
        self.clock, self.events, self.defects = Clock(), [], []
        self.dead, self.threads, self.values = [], [], itertools.count(1)
        self.users = [self._browser(f"user{n}") for n in range(USERS)]
        self.comers = [self._browser(f"user{USERS + n}") for n in range(COMERS)]
        self.leavers = [self._browser(f"user{USERS + COMERS + n}") for n in range(LEAVERS)]
        self.last_sent = {}  # session key of a lasting user -> when their last answered request was sent

    def start(self):
        """Everybody logs in, before anything is counted as load."""
        for browser in self.users + self.leavers:
            self.must(browser.login(browser.name, self.password))
        for number, browser in enumerate(self.users):
            self._thread(self._stay, browser, random.Random(number))
        for number, browser in enumerate(self.comers):
            self._thread(self._come_and_go, browser, random.Random(1000 + number))
        self._thread(self._try_old_cookies, self._browser("replay"))

    def leave(self, seconds):
        """During the fault: the leavers log out, spread over its length. Returns at once."""
        self._thread(self._leave_one_by_one, seconds)

    def finish(self):
        """Stops everybody, lets requests under way end, and tries every old cookie once more."""
        self.clock.closed.set()
        for thread in self.threads:
            thread.join(TIMEOUT + 5)
            if thread.is_alive():
                self.defects.append("a client did not come to an end")
        last = self._browser("replay")
        for key in self.dead:
            last.replay(key)
        if self.defects:
            raise RuntimeError("the load generator itself failed: " + "; ".join(self.defects))

    def must(self, event):
        if event.status != 200:
            raise RuntimeError(f"{event.kind} answered {event.status} before the fault; see the gunicorn log")

    def _browser(self, name):
        return Browser(name, self.address, self.events.append)

    def _thread(self, target, *arguments):
        def run():
            try:
                target(*arguments)
            except Exception as error:  # a thread's exception would otherwise only be printed
                self.defects.append(repr(error))
        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _queries_allowed(self):
        return not (self.session_only and self.clock.phase != "after")

    def _write(self, browser, chance):
        # Numbers are never used twice, so a lost change cannot be covered by a later equal one.
        return browser.write("top" if chance.random() < 0.5 else "nested", next(self.values))

    def _stay(self, browser, chance):
        self.clock.pause(chance.random() * THINK * self.calm)
        while self.clock.pause(THINK * self.calm):
            if browser.key is None:  # thrown out: the judge counts that, the person logs in again
                browser.login(browser.name, self.password)
                continue
            draw = chance.random()
            if draw < 0.7:
                event = browser.light()
            elif draw < 0.8:
                event = self._write(browser, chance)
            elif self.session_only:
                event = browser.light()
            else:
                event = browser.user()
            if event.status == 200 and browser.key == event.key:
                self.last_sent[browser.key] = event.sent

    def _come_and_go(self, browser, chance):
        """Anonymous, with something in the session; logged in (a new session id); logged out; and so on."""
        def pause(seconds):
            return self.clock.pause(seconds * self.calm)
        while pause(0.2 + chance.random() * 0.2):
            if browser.key is None or chance.random() < 0.5:
                self._write(browser, chance)
            if not pause(0.2):
                return
            if not self._queries_allowed():
                continue
            before = browser.key
            if browser.login(browser.name, self.password).status != 200:
                continue
            if before and before != browser.key:
                self.dead.append(before)
            for _ in range(3):
                if pause(0.2):
                    self._write(browser, chance)
            while pause(0.2) and browser.key and not self._log_out(browser, chance.random() < 0.5):
                browser.light()

    def _leave_one_by_one(self, seconds):
        for number, browser in enumerate(self.leavers):
            if not self.clock.pause(seconds / (len(self.leavers) + 1)):
                return
            browser.light()
            # Django's own logout first reads the user's row; where that cannot work, people find the other door.
            if number % 2 == 0 and self._queries_allowed() and self._log_out(browser, plain=False):
                continue
            self._log_out(browser, plain=True)

    def _log_out(self, browser, plain):
        """True when the logout was acknowledged. The old cookie is tried at once, and from then on for ever."""
        if not self._queries_allowed():
            plain = True
        key = browser.key
        event = browser.flush() if plain else browser.logout()
        if event.status != 200:
            return False
        browser.key = None
        self._browser("replay").replay(key)
        self.dead.append(key)
        return True

    def _try_old_cookies(self, browser):
        position = 0
        while self.clock.pause(0.05 * self.calm):
            if self.dead:
                position = (position + 1) % len(self.dead)
                browser.replay(self.dead[position])


