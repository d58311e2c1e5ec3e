"""Everything the pods stand on: PostgreSQL, memcached, the operator, and the reader of the rows."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading

from demo.harness.postgres import Postgres
from demo.harness.processes import Failure, Process, accepts, free_port, wait_until
from demo.harness.stack import APP, DATABASE, PYTHON, executable
from tests.History.people.client import Client

from .pod import LEDGER, WORKERS, Pod

PODS = 3
RECOVERY = 40.0  # seconds after the last fault within which all must be back to Normal with nothing unsaved


class Fleet:
    """Use as a context manager: whatever was started is ended when the block is left, however it is left."""

    def __init__(self, workplace, pods=PODS):
        self.workplace, self.logs = workplace, workplace.logs
        self.directory = f"{workplace.directory}/fleet"
        self.database = Postgres(f"{self.directory}/postgres", f"{self.logs}/postgres.log", workplace.password)
        self.count, self.pods = pods, []
        self.memcached = self.operator = self.reader = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        os.mkdir(self.directory, 0o755)
        self.database.create(self.workplace.template).start()
        self.memcached_port = free_port()
        self.start_memcached()
        self.grpc_port, self.operator_port = free_port(), free_port()
        with open(f"{self.directory}/operator.yaml", "w") as file:
            file.write(f"grpc: 127.0.0.1:{self.grpc_port}\nhttp: 127.0.0.1:{self.operator_port}\nlease: 3s\n"
                       f"databases:\n  - name: {DATABASE}\n    fallback: Cache\n    recovery: {{ successes: 2, dwell: 300ms }}\n")
        self.start_operator()
        environment = self.workplace.environment(self.database.port, self.memcached_port)
        for number in range(self.count):
            os.mkdir(f"{self.directory}/pod{number}")
            self.pods.append(Pod(number, f"{self.directory}/pod{number}", self.logs, environment, self.grpc_port))
        for pod in self.pods:
            pod.start()
        reading = {**environment, "PYTHONPATH": f"{LEDGER}:{APP}", "DJANGO_SETTINGS_MODULE": "ledger.settings"}
        self.reader = subprocess.Popen(
            [PYTHON, f"{LEDGER}/rows.py"], env=reading, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            start_new_session=True)
        self._warm()

    def _warm(self):
        """Every worker has served a page and announced itself; the fleet is in Normal."""
        for pod in self.pods:
            wait_until(f"the workers of {pod.name} announce themselves", lambda pod=pod: self._visit(pod) >= WORKERS, 30)
        self.recovered()

    @staticmethod
    def _visit(pod):
        client = Client("warm", [pod], random.Random(0), lambda event: None)
        # A cookie, or the session would not be looked up.
        threads = [threading.Thread(target=client.send, args=("read", "x" * 32)) for _ in range(2 * WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return pod.status().get("adapters", 0)

    def start_memcached(self):
        account = ["-u", "nobody"] if os.getuid() == 0 else []
        self.memcached = Process("memcached", [
            "/usr/bin/memcached", "-l", "127.0.0.1", "-p", str(self.memcached_port), "-U", "0", "-m", "64", *account],
            f"{self.logs}/memcached.log").start().ready(lambda: accepts(self.memcached_port))

    def start_operator(self):
        dotnet = {name: value for name, value in os.environ.items() if name.startswith("DOTNET_")}
        self.operator = Process(
            "operator", [executable("operator"), "--standalone", f"{self.directory}/operator.yaml"], f"{self.logs}/operator.log",
            {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": self.directory, **dotnet}).start()
        self.operator.ready(lambda: accepts(self.operator_port))

    def fresh(self):
        """Between two seeds: no rows, an empty cache, and an operator that has not seen a failure within the last minute
        (it would ask for twice the proof). Returns once all is in Normal."""
        self.operator.kill()
        with socket.create_connection(("127.0.0.1", self.memcached_port), timeout=5) as cache:
            cache.sendall(b"flush_all\r\n")
            cache.recv(100)
        self.rows(clear=True)
        self.start_operator()
        self.recovered()

    def rows(self, clear=False) -> dict:
        """The database's content, read by stock Django without adapter, sidecar or cache."""
        self.reader.stdin.write("clear\n" if clear else "read\n")
        self.reader.stdin.flush()
        line = self.reader.stdout.readline()
        if not line:
            raise Failure("the reader of the rows has ended; its error is above")
        return json.loads(line)

    def recovered(self, seconds=RECOVERY):
        """Waits until every pod is connected, in Normal, and has nothing unsaved. A pod whose app has met no session since it was started
        is visited: only the app can tell where the database is."""
        def settled():
            for pod in self.pods:
                if pod.status().get("adapters") == 0:
                    self._visit(pod)
            return all(self._at_rest(pod.status()) for pod in self.pods)
        try:
            wait_until("every pod is back in Normal with nothing unsaved", settled, seconds)
        except Failure as failure:
            told = {pod.name: pod.status() for pod in self.pods}
            raise Failure(f"{failure}: {json.dumps(told)}") from failure

    @staticmethod
    def _at_rest(status):
        return status.get("connected") and (status["mode"], status["phase"], status["unsaved"]) == ("Normal", "Writable", 0) \
            and not status["autonomous"]

    def close(self):
        if self.database.process and self.database.process.running():
            self.database.thaw()
        if self.memcached and self.memcached.running():
            self.memcached.handle.send_signal(signal.SIGCONT)
        for pod in self.pods:
            pod.close()
        for process in (self.operator, self.memcached):
            if process:
                process.stop(signal.SIGTERM)
        if self.reader:
            self.reader.stdin.close()
            self.reader.wait(10)
            self.reader.stdout.close()
        self.database.close()
        if os.path.isdir(self.directory):
            shutil.rmtree(self.directory)
