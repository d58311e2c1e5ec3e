"""The published sidecar as a process of its own, for tests that want the real one."""

import http.client
import json
import os
import socket
import subprocess

from support import servers

PROGRAM = os.path.join(os.path.dirname(__file__), "../../../../artifacts/bin/sidecar/SessionOperator.Sidecar")


class Sidecar:
    """A sidecar without an operator: it decides alone. `directory` is its runtime directory; it is made here."""

    def __init__(self, directory, deadline=1500):
        self.directory = directory
        self.journal = directory + ".journal"
        self.deadline = deadline
        self.process = None
        for folder in (directory, self.journal):
            os.makedirs(folder, exist_ok=True)

    def start(self):
        if not os.path.exists(PROGRAM):
            raise AssertionError("artifacts/bin has no sidecar; run: make build")
        self.log = open(self.directory + ".log", "a")
        self.process = subprocess.Popen(
            [PROGRAM, "--directory", self.directory, "--journal", self.journal, "--database", "test/app",
             "--deadline", str(self.deadline)], stdout=self.log, stderr=self.log,
        )
        servers.wait_until(self.listens, what="the sidecar listens; its log: " + self.log.name)
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError("the sidecar ended with %d; its log: %s" % (self.process.returncode, self.log.name))
        return os.path.exists(os.path.join(self.directory, "api.sock"))

    def mode(self):
        """The mode byte of its page."""
        with open(os.path.join(self.directory, "mode"), "rb") as page:
            return page.read(9)[8]

    def status(self):
        """What it says of itself."""
        connection = http.client.HTTPConnection("sidecar", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(os.path.join(self.directory, "api.sock"))
        try:
            connection.request("GET", "/v1/status")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None
            self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
