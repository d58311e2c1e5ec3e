"""HTTP/1.1 over the sidecar's unix socket: one kept connection for each thread, and no wait longer than two seconds."""

import http.client
import io
import json
import os
import select
import socket
import threading

from session_operator import native
from session_operator.errors import NoAnswer, SidecarGone

LONGEST = 2.0  # seconds for an answer, everything included
SLICE = 50  # milliseconds between looks at the heartbeat
SILENCE = 1.0  # seconds not to ask again after an answer did not come

_local = threading.local()
_silent_until = 0.0


class Refusal(NoAnswer):
    """The sidecar answered with an error of its own."""

    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message), uncertain=code == "internal")
        self.code = code


def reset():
    """Forget what was inherited over a fork."""
    global _local, _silent_until
    _local = threading.local()
    _silent_until = 0.0


def post(directory, path, body, alive, ends):
    """Send one request and return the answer's JSON object.

    `alive()` tells whether the heartbeat is fresh, `ends` is the monotonic time to give up at. Raises SidecarGone if nobody
    listens or the heartbeat stops, Refusal for an error answer, NoAnswer for silence and for what is not JSON.
    """
    global _silent_until
    if native.monotonic() < _silent_until:
        raise NoAnswer("the sidecar did not answer a moment ago")
    payload = json.dumps(body).encode()
    try:
        try:
            return _exchange(directory, path, payload, alive, ends)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # A connection kept from before the sidecar's restart.
            return _exchange(directory, path, payload, alive, ends)
    except socket.timeout as error:
        _silent_until = native.monotonic() + SILENCE
        raise NoAnswer("no answer in time", uncertain=True) from error
    except (ConnectionRefusedError, FileNotFoundError) as error:
        raise SidecarGone("nobody listens") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer("%s" % type(error).__name__, uncertain=True) from error


def _exchange(directory, path, payload, alive, ends):
    connection = _connection(os.path.join(directory, "api.sock"))
    connection.begin(alive, ends)
    try:
        connection.request("POST", path, payload, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read().decode())
    except BaseException:
        connection.close()
        raise
    if response.will_close:
        connection.close()
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    if response.status != 200:
        error = answer.get("error")
        error = error if isinstance(error, dict) else {}
        raise Refusal(str(error.get("code", response.status)), str(error.get("message", "")))
    return answer


def _connection(path):
    kept = getattr(_local, "connection", None)
    if kept is None or kept.path != path:
        kept = _local.connection = _Connection(path)
    elif kept.sock is not None and kept.sock.ended():
        kept.close()
    return kept


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def begin(self, alive, ends):
        self.alive, self.ends = alive, ends
        if self.sock is not None:
            self.sock.alive, self.sock.ends = alive, ends

    def connect(self):
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.settimeout(0.25)  # only a full backlog makes this wait
            plain.connect(self.path)
            plain.setblocking(False)
        except BaseException:
            plain.close()
            raise
        self.sock = _Patient(plain, self.alive, self.ends)


class _Patient:
    """The part of a socket that http.client uses, which stops waiting when the heartbeat does."""

    def __init__(self, plain, alive, ends):
        self.plain, self.alive, self.ends = plain, alive, ends

    def wait(self, event):
        poll = select.poll()
        poll.register(self.plain, event)
        while True:
            left = self.ends - native.monotonic()
            if left <= 0:
                raise socket.timeout("timed out")
            if poll.poll(min(SLICE, left * 1000 + 1)):
                return
            if not self.alive():
                raise ConnectionRefusedError("the heartbeat stopped")

    def ended(self):
        """Whether the other side closed (or sent what nobody asked for)."""
        poll = select.poll()
        poll.register(self.plain, select.POLLIN)
        return bool(poll.poll(0))

    def sendall(self, data):
        view = memoryview(data).cast("B")
        while view:
            try:
                view = view[self.plain.send(view):]
            except BlockingIOError:
                self.wait(select.POLLOUT)

    def makefile(self, mode):
        return io.BufferedReader(_Reader(self))

    def close(self):
        self.plain.close()


class _Reader(io.RawIOBase):
    def __init__(self, patient):
        super().__init__()
        self.patient = patient

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            try:
                return self.patient.plain.recv_into(buffer)
            except BlockingIOError:
                self.patient.wait(select.POLLIN)
