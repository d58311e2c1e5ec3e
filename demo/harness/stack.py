"""Everything one variant runs on: database, cache, app, and in the protected variant operator and sidecar."""
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile

from .postgres import Postgres
from .processes import Failure, Process, accepts, children_of, free_port, processor_seconds, wait_until
from .watch import ModePage

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
APP = f"{ROOT}/demo/app"
ADAPTER = f"{ROOT}/adapters/django"
PYTHON = "/usr/bin/python3"  # Debian's own, the one its Django is installed for
DATABASE = "default/orders-db"
WORKERS = 3
ACCOUNTS = 40


def executable(part: str) -> str:
    path = f"{ROOT}/artifacts/bin/{part}/SessionOperator.{part.capitalize()}"
    if not os.access(path, os.X_OK):
        raise Failure(f"{path} is missing: run make build")
    return path


class Workplace:
    """The temporary directory of a whole run, its logs, and a database with tables and accounts to copy from."""

    def __init__(self, logs):
        self.directory = tempfile.mkdtemp(prefix="session-operator-")
        os.chmod(self.directory, 0o711)  # the postgres account must pass through
        self.logs, self.password, self.secret_key = logs, secrets.token_hex(16), secrets.token_hex(32)
        self.template = None
        os.makedirs(logs, exist_ok=True)

    def prepare(self):
        database = Postgres(f"{self.directory}/template", f"{self.logs}/prepare-postgres.log", self.password)
        database.create()
        try:
            database.start()
            database.create_application()
            run_app_script("accounts.py", self.environment(database.port, 0), str(ACCOUNTS), self.password)
            database.stop()
        finally:
            database.close()
        self.template = database.data
        return self

    def environment(self, database_port, memcached_port) -> dict:
        """What the app runs with. Nothing is taken over from ours but PATH and the language."""
        return {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": APP, "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "shop.settings", "DEMO_SECRET_KEY": self.secret_key,
            "DEMO_DATABASE_PORT": str(database_port), "DEMO_DATABASE_PASSWORD": self.password,
            "DEMO_MEMCACHED_PORT": str(memcached_port)}

    def remove(self):
        shutil.rmtree(self.directory)


def run_app_script(script, environment, *arguments) -> str:
    done = subprocess.run([PYTHON, f"{APP}/{script}", *arguments], env=environment, capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise Failure(f"{script} failed: {done.stderr.strip()}")
    return done.stdout


class Stack:
    """Use as a context manager: whatever was started is ended when the block is left, however it is left."""

    def __init__(self, workplace, name, protected, durable=True, fail_fast=False):
        self.workplace, self.name, self.protected, self.fail_fast = workplace, name, protected, fail_fast
        self.directory = f"{workplace.directory}/{name}"
        self.database = Postgres(f"{self.directory}/postgres", self._log("postgres"), workplace.password, durable)
        self.runtime, self.journal = f"{self.directory}/runtime", f"{self.directory}/journal"
        self.memcached = self.app = self.operator = self.sidecar = None

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
        account = ["-u", "nobody"] if os.getuid() == 0 else []
        self.memcached_port = free_port()
        self.memcached = Process("memcached", [
            "/usr/bin/memcached", "-l", "127.0.0.1", "-p", str(self.memcached_port), "-U", "0", "-m", "64", *account],
            self._log("memcached")).start().ready(lambda: accepts(self.memcached_port))
        if self.protected:
            self._start_control()
        self.address = ("127.0.0.1", free_port())
        environment = self.workplace.environment(self.database.port, self.memcached_port)
        self.environment = dict(environment)
        if self.protected:
            # Zero-code: the adapter's folder on the path, and where the sidecar is. Nothing else differs from stock.
            environment.update(PYTHONPATH=f"{ADAPTER}:{APP}", SESSION_OPERATOR_DIR=self.runtime)
            if self.fail_fast:
                environment.update(SESSION_OPERATOR_FAIL_FAST="1")
        self.app = Process("gunicorn", [
            PYTHON, "/usr/bin/gunicorn", "--bind", f"127.0.0.1:{self.address[1]}", "--workers", str(WORKERS),
            "--worker-class", "sync", "--chdir", APP, "shop.wsgi"],
            self._log("gunicorn"), environment).start().ready(lambda: accepts(self.address[1]))

    def restart_app(self):
        self.app.stop()
        self.app.start().ready(lambda: accepts(self.address[1]))

    def _start_control(self):
        os.mkdir(self.runtime)
        os.mkdir(self.journal)
        self.grpc_port, self.operator_port, self.sidecar_port = free_port(), free_port(), free_port()
        config = f"{self.directory}/operator.yaml"
        with open(config, "w") as file:
            file.write(f"grpc: 127.0.0.1:{self.grpc_port}\nhttp: 127.0.0.1:{self.operator_port}\n"
                       f"databases:\n  - name: {DATABASE}\n    fallback: Cache\n")
        self.operator = Process(
            "operator", [executable("operator"), "--standalone", config], self._log("operator"), self._plain())
        self.sidecar = Process("sidecar", [
            executable("sidecar"), "--directory", self.runtime, "--journal", self.journal,
            "--operator", f"http://127.0.0.1:{self.grpc_port}", "--database", DATABASE, "--pod", "demo-0",
            "--http", f"127.0.0.1:{self.sidecar_port}"], self._log("sidecar"), self._plain())
        self.start(("operator", "sidecar"))

    def start(self, parts):
        """Starts the operator, the sidecar or both at once, on the directories and ports they had before."""
        checks = {"operator": (self.operator, self.operator_port, "/readyz"),
                  "sidecar": (self.sidecar, self.sidecar_port, "/healthz")}
        for part in parts:
            checks[part][0].start()
        for part in parts:
            process, port, path = checks[part]
            process.ready(lambda port=port, path=path: _get(port, path) == 200)

    def wait_for_adapter(self):
        """Requests are flowing: by now the adapter must have announced itself, or the run would show nothing."""
        if self.protected:
            wait_until("the adapter announces itself to the sidecar", lambda: self.status()["adapters"] >= 1, 10)
            wait_until("the database is Writable and the mode Normal",
                       lambda: (self.status()["phase"], self.status()["mode"]) == ("Writable", "Normal"), 20)

    def status(self) -> dict:
        connection = http.client.HTTPConnection("localhost", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect(f"{self.runtime}/api.sock")
            connection.request("GET", "/v1/status")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def mode_page(self) -> ModePage:
        return ModePage(f"{self.runtime}/mode")

    def processor_seconds(self) -> float:
        """What this stack's processes have used of the processors up to now; not the operator, which in earnest
        serves many apps from another machine."""
        parents = [part.pid for part in (self.app, self.sidecar, self.memcached, self.database.process) if part]
        return sum(processor_seconds(pid) for parent in parents for pid in (parent, *children_of(parent)))

    def rows(self) -> dict:
        """The database's content, read by stock Django without adapter, sidecar or cache."""
        return json.loads(run_app_script("rows.py", self.environment))

    def close(self):
        if self.database.process and self.database.process.running():
            self.database.thaw()  # or workers that wait for a frozen server would not end
        for process in (self.app, self.sidecar, self.operator, self.memcached):
            if process:
                process.stop(signal.SIGTERM)
        self.database.close()
        if os.path.isdir(self.directory):
            shutil.rmtree(self.directory)

    def _log(self, part):
        """Where the part's output goes; that of an earlier run goes away."""
        path = f"{self.workplace.logs}/{self.name}-{part}.log"
        if os.path.exists(path):
            os.remove(path)
        return path

    def _plain(self):
        dotnet = {name: value for name, value in os.environ.items() if name.startswith("DOTNET_")}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": self.directory, **dotnet}


def _get(port, path) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
