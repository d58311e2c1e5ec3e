"""Clients that keep the app's workers busy all the time, to see how many requests a second it can answer."""
import itertools
import os
import socket
import statistics
import threading
import time

from .client import Browser
from .processes import Failure

CONNECTIONS = 4  # one more than workers: none of them ever waits for a client
# The demo's own mix, in a fixed order, so that each slice asks for the same work.
MIX = ("light", "light", "write", "light", "user", "light", "light", "user", "light", "light")


VARIANTS = ("stock", "protected")


def length(name, usual, unit=1) -> int:
    """What the environment says, or `usual`: a number of at least one, in whole `unit`s."""
    said = os.environ.get(name, str(usual))
    if not said.isdecimal() or int(said) < 1 or int(said) % unit:
        what = f"a multiple of {unit}, so that each slice asks for the same work" if unit > 1 else "a whole number from 1 on"
        raise Failure(f"{name} is {said!r}; write {what}")
    return int(said)


def compare(stacks, crowds, blocks, requests, first="stock") -> dict:
    """Both variants in blocks of four slices, A B B A, so that a machine that grows slower or faster favours neither.

    A machine's speed wanders within seconds: many short slices see the same of it on both sides, few long ones do not. Each block
    has a ratio of its own and their median counts: what disturbs one slice disturbs one block. What the idle protected stack uses
    while stock is measured slows stock down as well, so it is charged to the protected side.
    """
    second = VARIANTS[1 - VARIANTS.index(first)]
    rates, ratios = {variant: [] for variant in VARIANTS}, []
    used, seconds = dict.fromkeys(VARIANTS, 0.0), dict.fromkeys(VARIANTS, 0.0)  # while the other is asked
    for _ in range(blocks):
        block = dict.fromkeys(VARIANTS, 0.0)
        for variant in (first, second, second, first):
            other = VARIANTS[1 - VARIANTS.index(variant)]
            before = stacks[other].processor_seconds()
            rate = crowds[variant].measure(requests)
            used[other] += stacks[other].processor_seconds() - before
            seconds[other] += requests / rate
            block[variant] += rate / 2
        ratios.append(block["protected"] / block["stock"])
        for variant in VARIANTS:
            rates[variant].append(block[variant])
    idle = {variant: used[variant] / seconds[variant] / os.cpu_count() for variant in VARIANTS}
    cost = max(0.0, idle["protected"] - idle["stock"])
    return {**{variant: statistics.median(rates[variant]) for variant in VARIANTS}, "idleCost": cost,
            "ratio": statistics.median(ratios) * (1 - cost)}


class Crowd:
    """Logged-in clients of one app. As little work as possible is done on the client's side, for it shares the machine.

    gunicorn's sync workers close the connection after each answer, so a request is one connection here as well.
    """

    def __init__(self, stack, password):
        self.address, self.events = stack.address, []
        self.requests = [self._prepared(f"user{number}", password) for number in range(CONNECTIONS)]

    def measure(self, requests) -> float:
        """Requests a second over so many requests, a multiple of ten: so each slice asks for the same work, whoever is faster.
        Any answer but 200 is a Failure."""
        number, defects = itertools.count(), []
        begin = time.perf_counter()

        def work(own):
            try:
                while (mine := next(number)) < requests:
                    self._ask(own[mine % len(own)])
            except (OSError, Failure) as error:
                defects.append(repr(error))

        threads = [threading.Thread(target=work, args=(own,)) for own in self.requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if defects:
            raise Failure(f"a request failed without any fault: {defects[0]}; see the gunicorn log")
        return requests / (time.perf_counter() - begin)

    def _prepared(self, account, password) -> list[bytes]:
        browser = Browser(account, self.address, self.events.append)
        if browser.login(account, password).status != 200:
            raise Failure("a login failed without any fault; see the gunicorn log")
        head = f"Host: 127.0.0.1\r\nCookie: sessionid={browser.key}\r\n"
        body = "how=top&value=1"
        form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        asked = {"light": f"GET /light HTTP/1.1\r\n{head}\r\n", "user": f"GET /user HTTP/1.1\r\n{head}\r\n",
                 "write": f"POST /write HTTP/1.1\r\n{head}{form}"}
        return [asked[kind].encode() for kind in MIX]

    def _ask(self, request):
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.sendall(request)
            answer = connection.recv(65536)
            while more := connection.recv(65536):
                answer += more
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise Failure(f"answered {answer[9:12].decode(errors='replace') or 'nothing'}")
