"""A PostgreSQL server of our own: its data directory, its port, and the four ways it goes away."""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import threading

from .processes import Failure, Process, alive, children_of, free_port, send, wait_until


def binaries() -> str:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise Failure("PostgreSQL is not installed: run scripts/setup demo")
    return os.path.dirname(found[-1])


class Psql:
    """One long-lived connection to a server, through psql: a statement in, its rows out."""

    def __init__(self, command):
        """command: starts psql with the database to use; -XqAtw and -F tab are added."""
        self.lock = threading.Lock()
        self.handle = subprocess.Popen(
            [*command, "-XqAtw", "-F", "\t"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def ask(self, statement: str) -> list[list[str]]:
        """The rows; an error of the server comes back as a row that starts with ERROR."""
        rows = []
        with self.lock:
            with contextlib.suppress(BrokenPipeError):    # psql has ended; what it said last is in its output
                self.handle.stdin.write(f"{statement};\n\\echo =end=\n")
                self.handle.stdin.flush()
            for line in self.handle.stdout:
                if line == "=end=\n":
                    return rows
                rows.append(line.rstrip("\n").split("\t"))
        raise Failure(f"the connection to PostgreSQL was lost: {rows}")

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.handle.stdin.close()
        self.handle.wait(10)
        self.handle.stdout.close()


class Postgres:
    def __init__(self, directory, log, password, durable=True):
        """The directory is created; when we are root it belongs to postgres, because the server refuses to be root."""
        self.binaries, self.directory, self.log, self.password = binaries(), directory, log, password
        self.data, self.sockets, self.port = f"{directory}/data", directory, free_port()
        self.account = "postgres" if os.getuid() == 0 else None
        self.durable, self.process = durable, None

    def create(self, template=None):
        os.mkdir(self.directory, 0o755)
        if self.account:
            owner = pwd.getpwnam(self.account)
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        if template:
            # cp keeps the owner; a fresh copy is quicker than a fresh initdb with the tables and accounts.
            subprocess.run(["cp", "-a", template, self.data], check=True)
        else:
            self._run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                      "--auth-local=trust", "--auth-host=scram-sha-256")
        return self

    def create_application(self):
        self.sql("postgres", f"CREATE ROLE shop LOGIN PASSWORD '{self.password}'")
        self.sql("postgres", "CREATE DATABASE shop OWNER shop")

    def start(self):
        quick = [] if self.durable else ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
                                         "-c", "autovacuum=off", "-c", "checkpoint_timeout=1h", "-c", "max_wal_size=4GB"]
        self.process = Process("postgres", [
            f"{self.binaries}/postgres", "-D", self.data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={self.sockets}", *quick], self.log, account=self.account).start()
        self.process.ready(self.answers, 60)
        return self

    def connect(self, user="postgres") -> Psql:
        return Psql([f"{self.binaries}/psql", "-h", self.sockets, "-p", str(self.port), "-U", user, "-d", "shop"])

    def answers(self) -> bool:
        return subprocess.run(
            [f"{self.binaries}/pg_isready", "-q", "-h", self.sockets, "-p", str(self.port)]).returncode == 0

    def sql(self, database, statement):
        done = subprocess.run(
            [f"{self.binaries}/psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-p", str(self.port),
             "-U", "postgres", database], input=statement, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"psql failed: {done.stderr.strip()}")
        return done.stdout

    def stop(self, how="fast"):
        """The planned stop, as an administrator does it: connections are ended at once. "immediate" leaves the rest to the
        next start's recovery."""
        if self.process and self.process.running():
            self._run("pg_ctl", "stop", "-D", self.data, "-m", how, "-w")
            self.process.handle.wait(30)

    def kill9(self):
        """Ends all of the server at once: no shutdown, no goodbye, recovery from the log at the next start."""
        # A child that is started while the others are listed would be missed, and keep the memory that the next start needs.
        send(self.process.pid, signal.SIGSTOP)
        members = self.members()
        for pid in members:
            send(pid, signal.SIGKILL)
        self.process.handle.wait(30)
        wait_until("PostgreSQL's processes are gone", lambda: not any(map(alive, members)), 10)

    def freeze(self):
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def members(self) -> list[int]:
        return [self.process.pid, *children_of(self.process.pid)]

    def close(self):
        """Ends the server in whatever state a fault, or Ctrl-C in the middle of one, has left it."""
        if self.process and self.process.running():
            self.thaw()
            try:
                self.process.stop(signal.SIGINT, 15)
            finally:
                self.process.kill()

    def remove(self):
        shutil.rmtree(self.directory)

    def _signal(self, sign):
        # The postmaster first: afterwards it starts no new children that would be missed.
        send(self.process.pid, sign)
        for pid in children_of(self.process.pid):
            send(pid, sign)

    def _run(self, program, *arguments):
        who = {"user": self.account, "group": self.account, "extra_groups": []} if self.account else {}
        done = subprocess.run([f"{self.binaries}/{program}", *arguments], capture_output=True, text=True, cwd="/", **who)
        if done.returncode:
            raise Failure(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")
