"""Real servers on free ports with their own data, ended by their own process ids."""

import atexit
import getpass
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2

ROOT = tempfile.mkdtemp(prefix="so-dj-")
os.chmod(ROOT, 0o755)
atexit.register(shutil.rmtree, ROOT, True)
# Ended from outside, the servers end too.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until(condition, seconds=20, what="condition"):
    """Poll `condition` until it is true; returns its value."""
    ends = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > ends:
            raise AssertionError("not reached in %s s: %s" % (seconds, what))
        time.sleep(0.01)


class Memcached:
    def __init__(self):
        self.port = free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["memcached", "-u", getpass.getuser(), "-l", "127.0.0.1", "-p", str(self.port), "-U", "0"], stdout=subprocess.DEVNULL
        )
        atexit.register(self.stop)
        wait_until(lambda: accepts(self.port), what="memcached answers")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Redis:
    """With a password; keeps nothing when it stops."""

    password = "s3cret/:@"

    def __init__(self):
        self.port = free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--requirepass", self.password, "--dir", ROOT],
            stdout=subprocess.DEVNULL,
        )
        atexit.register(self.stop)
        wait_until(lambda: accepts(self.port), what="Redis answers")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Postgres:
    def __init__(self):
        self.port = free_port()
        self.data = os.path.join(ROOT, "pg")
        self.binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        # The server refuses to run as root.
        self.user = {"user": "postgres"} if os.getuid() == 0 else {}
        self.process = None
        self.frozen = []

    def start(self):
        if not os.path.exists(self.data):
            self._create()
        self.process = subprocess.Popen(
            [os.path.join(self.binaries, "postgres"), "-D", self.data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, **self.user
        )
        wait_until(self.answers, what="PostgreSQL answers")

    def _create(self):
        os.mkdir(self.data, 0o700)
        if self.user:
            shutil.chown(self.data, "postgres", "postgres")
        subprocess.run(
            [os.path.join(self.binaries, "initdb"), "-D", self.data, "-U", "app", "-A", "trust", "--no-sync", "-E", "UTF8"],
            check=True, stdout=subprocess.DEVNULL, cwd=ROOT, **self.user
        )
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write(
                "port=%d\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\nfsync=off\nshared_buffers=16MB\n"
                "include_if_exists 'mode.conf'\n" % self.port
            )
        atexit.register(self.kill)

    def connect(self, database="postgres"):
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="app", dbname=database, connect_timeout=2,
            options="-c default_transaction_read_only=off",
        )
        connection.autocommit = True
        return connection

    def execute(self, statement, *parameters):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def answers(self):
        try:
            self.connect().close()
        except psycopg2.Error:
            return False
        return True

    def read_only(self, on):
        """Returns when connections that were there before are told, too: one of them is asked."""
        witness = psycopg2.connect(host="127.0.0.1", port=self.port, user="app", dbname="postgres", connect_timeout=2)
        witness.autocommit = True
        cursor = witness.cursor()

        def told():
            cursor.execute("SHOW default_transaction_read_only")
            return cursor.fetchone() == ("on" if on else "off",)

        with open(os.path.join(self.data, "mode.conf"), "w") as conf:
            conf.write("default_transaction_read_only=%s\n" % ("on" if on else "off"))
        os.chmod(conf.name, 0o644)
        os.kill(self.process.pid, signal.SIGHUP)
        wait_until(told, what="read-only is %s" % on)
        witness.close()

    def stop(self):
        """Fast shutdown: sessions are told, then cut."""
        self._end(signal.SIGINT)

    def kill(self):
        self.thaw()
        if self.process is not None:
            self._end(signal.SIGQUIT)

    def _end(self, number):
        self.process.send_signal(number)
        self.process.wait()
        self.process = None

    def freeze(self):
        """Nothing answers, nothing is closed: the kernel still accepts connections."""
        self.frozen = [self.process.pid] + self._children()
        for pid in self.frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self.frozen = []

    def _children(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as file:
            return [int(pid) for pid in file.read().split()]


postgres = Postgres()
memcached = Memcached()


def start_all():
    """Start what is not running; once for the whole run."""
    if postgres.process is None:
        postgres.start()
    if memcached.process is None:
        memcached.start()
