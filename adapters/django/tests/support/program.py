"""The published sidecar as a process of its own, for tests that want the real one."""

import http.client
import json
import os
import socket
import subprocess

from support import servers

PROGRAM = os.path.join(os.path.dirname(__file__), "../../../../artifacts/bin/%s/SessionOperator.%s")
DATABASE = "test/app"


def program(name):
    path = PROGRAM % (name.lower(), name)
    if not os.path.exists(path):
        raise AssertionError("artifacts/bin has no %s; run: make build" % name.lower())
    return path


class Operator:
    """An operator outside Kubernetes, with its configuration and log in `directory`."""

    def __init__(self, directory):
        self.directory = directory
        self.port = servers.free_port()
        self.process = None

    def start(self):
        configuration = os.path.join(self.directory, "operator.yaml")
        http = servers.free_port()
        with open(configuration, "w") as file:
            file.write(
                "grpc: 127.0.0.1:%d\nhttp: 127.0.0.1:%d\ndatabases:\n  - name: %s\n    fallback: Cache\n" % (self.port, http, DATABASE)
            )
        with open(os.path.join(self.directory, "operator.log"), "a") as log:
            self.process = subprocess.Popen([program("Operator"), "--standalone", configuration], stdout=log, stderr=log)
        servers.wait_until(lambda: servers.accepts(self.port), what="the operator listens; its log: " + log.name)
        return self

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


class Sidecar:
    """A sidecar in the runtime directory `directory`, which is made here. Without an operator it decides alone."""

    def __init__(self, directory, deadline=1500, operator=None, environment=None):
        self.directory = directory
        self.operator = operator
        self.environment = environment
        self.journal = directory + ".journal"
        self.deadline = deadline
        self.process = None
        for folder in (directory, self.journal):
            os.makedirs(folder, exist_ok=True)

    def start(self):
        self.log = open(self.directory + ".log", "a")
        arguments = ["--directory", self.directory, "--journal", self.journal, "--database", DATABASE, "--deadline", str(self.deadline)]
        if self.operator is not None:
            pod = os.path.basename(os.path.dirname(self.directory))
            arguments += ["--operator", "http://127.0.0.1:%d" % self.operator.port, "--pod", pod]
        self.process = subprocess.Popen(
            [program("Sidecar")] + arguments, env=self.environment, stdout=self.log, stderr=self.log
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
