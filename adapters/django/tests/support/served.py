"""The tests' app behind a real server with the published sidecar beside it, and the browsers that visit it."""

import http.client
import http.cookies
import os
import subprocess
import sys
import tempfile

from support import servers
from support.program import Sidecar

WSGI, WARM, ASGI = ("support.app.%s:application" % module for module in ("wsgi", "warm", "asgi"))
GUNICORN = ["gunicorn", "--log-level", "warning", "--bind", "127.0.0.1:{port}"]
# What each server is started with: a Python module and its arguments.
COMMANDS = {
    "sync": GUNICORN + ["--workers", "2", WSGI],
    "gthread": GUNICORN + ["--threads", "4", WSGI],
    "gevent": GUNICORN + ["--worker-class", "gevent", WSGI],
    "preload": GUNICORN + ["--preload", "--workers", "2", WARM],
    "uvicorn": ["uvicorn", "--port", "{port}", "--log-level", "warning", ASGI],
    "daphne": ["daphne", "--port", "{port}", "--verbosity", "0", ASGI],
}
DEADLINE = 1000  # milliseconds


def environment(**more):
    """That of a program that uses the tests' app: the adapter and this folder on the path."""
    path = os.pathsep.join(entry for entry in (os.environ["PYTHONPATH"], os.getcwd()) if entry)
    return dict(os.environ, **dict({"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "support.app.settings"}, **more))


class ServedApp:
    """A pod: one app's process tree and its sidecar, with their own directory. `more` are variables of the app's environment."""

    def __init__(self, server, operator=None, **more):
        self.port = servers.free_port()
        self.home = tempfile.mkdtemp(prefix="served%d-" % self.port, dir=servers.ROOT)  # a port may come twice
        self.sidecar = Sidecar(os.path.join(self.home, "run"), DEADLINE, operator, dict(os.environ, **more))
        self.arguments = [part.format(port=self.port) for part in COMMANDS[server]]
        self.environment = environment(SESSION_OPERATOR_DIR=self.sidecar.directory, **more)
        self.process = None

    def start(self):
        self.sidecar.start()
        return self._serve()

    def restart(self):
        """A new server: none of its threads has a connection of before an earlier fault, on which a query of the app's own would fail."""
        self._end()
        return self._serve()

    def _serve(self):
        with open(os.path.join(self.home, "server.log"), "w") as log:
            self.log = log.name
            self.process = subprocess.Popen([sys.executable, "-m"] + self.arguments, env=self.environment, stdout=log, stderr=log)
        servers.wait_until(self._answers, 30, "the app answers; its log: " + self.log)
        return self

    def knows_the_sidecar(self):
        """Waits until the app has told the sidecar where its database is and the database was found writable."""
        self.browser().page("write?n=0")
        servers.wait_until(lambda: self.sidecar.status()["adapters"] > 0, what="hello of the app")

    def browser(self):
        return Browser(self.port)

    def stop(self):
        self._end()
        self.sidecar.stop()

    def _end(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def log_end(self):
        """What app and sidecar wrote last, for people."""
        text = ""
        for name in (self.log, self.sidecar.log.name):
            with open(name) as log:
                text += "\n%s:\n%s" % (name, log.read()[-2000:])
        return text

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError("the server ended with %d: %s" % (self.process.returncode, self.log_end()))
        try:
            return self.browser().page("plain").status == 200
        except OSError:
            return False


class Page:
    """One response: its status, body and the cookies that it sets."""

    def __init__(self, status, body, cookies):
        self.status, self.body, self.cookies = status, body, cookies

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:200])


class Browser:
    """Keeps its cookies; opens a connection for each page."""

    def __init__(self, port, **cookies):
        self.port = port
        self.cookies = cookies

    @property
    def key(self):
        return self.cookies.get("sessionid")

    def page(self, path, timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            headers = {"Cookie": "; ".join("%s=%s" % cookie for cookie in self.cookies.items())} if self.cookies else {}
            connection.request("GET", "/" + path, headers=headers)
            response = connection.getresponse()
            body = response.read().decode()
            sent = http.cookies.SimpleCookie()
            for header in response.headers.get_all("Set-Cookie") or ():
                sent.load(header)
        finally:
            connection.close()
        for name, cookie in sent.items():
            if cookie["max-age"] == 0 or cookie.value == "":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return Page(response.status, body, sent)
