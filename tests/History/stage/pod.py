"""One app pod: gunicorn with the app, its sidecar, and the directories the two share."""
import http.client
import json
import mmap
import os
import random
import shutil
import signal
import socket

from demo.harness.processes import Process, accepts, children_of, free_port, send
from demo.harness.stack import ADAPTER, APP, DATABASE, PYTHON, ROOT, executable

LEDGER = f"{ROOT}/tests/History/app"
MODES = ("Normal", "SkipSave", "Cache", "Drain")
WORKERS = 2


class Pod:
    def __init__(self, number, directory, logs, environment, operator_port):
        self.number, self.directory, self.logs = number, directory, logs
        self.runtime, self.journal = f"{directory}/runtime", f"{directory}/journal"
        self.port, self.http = free_port(), free_port()
        self.environment = {**environment, "PYTHONPATH": f"{ADAPTER}:{LEDGER}:{APP}", "SESSION_OPERATOR_DIR": self.runtime,
                            "DJANGO_SETTINGS_MODULE": "ledger.settings"}
        self.operator_port, self.generation, self.serving = operator_port, 0, False
        self.app = self.sidecar = None

    @property
    def name(self) -> str:
        return f"web-{self.number}.{self.generation}"

    def start(self):
        os.makedirs(self.runtime, exist_ok=True)
        os.makedirs(self.journal, exist_ok=True)
        self.start_sidecar()
        self.app = Process(f"app of {self.name}", [
            PYTHON, "/usr/bin/gunicorn", "--bind", f"127.0.0.1:{self.port}", "--workers", str(WORKERS), "--worker-class", "sync",
            "--graceful-timeout", "20", "--chdir", LEDGER, "ledger.wsgi"], self._log("app"), self.environment)
        self.app.start().ready(lambda: accepts(self.port))
        self.serving = True
        return self

    def start_sidecar(self):
        dotnet = {name: value for name, value in os.environ.items() if name.startswith("DOTNET_")}
        self.sidecar = Process(f"sidecar of {self.name}", [
            executable("sidecar"), "--directory", self.runtime, "--journal", self.journal, "--database", DATABASE,
            "--operator", f"http://127.0.0.1:{self.operator_port}", "--pod", self.name, "--http", f"127.0.0.1:{self.http}"],
            self._log("sidecar"), {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": self.directory, **dotnet})
        self.sidecar.start().ready(lambda: accepts(self.http))

    def kill_worker(self, chance: random.Random):
        """SIGKILL to one of the app's workers, in the middle of whatever it does."""
        workers = sorted(children_of(self.app.pid))
        if workers:
            send(chance.choice(workers), signal.SIGKILL)

    def leave(self):
        """The end a kubelet gives a pod: no new requests, the app finishes what it has, then the sidecar is told to stop."""
        self.serving = False
        self.app.stop(signal.SIGTERM, 25)
        self.sidecar.stop(signal.SIGTERM, 25)

    def replace(self, keep: bool):
        """The successor; it inherits the directory, or finds an empty one."""
        if not keep:
            shutil.rmtree(self.directory)
        self.generation += 1
        self.start()

    def status(self) -> dict:
        """What the sidecar says of itself; empty while it does not answer."""
        connection = http.client.HTTPConnection("localhost", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect(f"{self.runtime}/api.sock")
            connection.request("GET", "/v1/status")
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        finally:
            connection.close()

    def mode(self) -> str:
        """What the app is told: one byte of the mode page (docs/reference/sidecar-api.md)."""
        try:
            with open(f"{self.runtime}/mode", "rb") as file, mmap.mmap(file.fileno(), 4096, access=mmap.ACCESS_READ) as page:
                return MODES[page[8]]
        except (OSError, ValueError):
            return "none"

    def close(self):
        for part in (self.app, self.sidecar):
            if part:
                part.stop(signal.SIGTERM)

    def _log(self, part):
        return f"{self.logs}/pod{self.number}-{part}.log"
