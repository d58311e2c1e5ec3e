"""Starting, watching and ending the servers of a run. Every process is ended by its own id, never by its name."""
import os
import random
import signal
import socket
import subprocess
import time


class Failure(Exception):
    """Something the run needs did not work; the message says what, and where to look."""


def free_port() -> int:
    """A port of 127.0.0.1 outside the range that outgoing connections use.

    A server that is away for 15 s would otherwise lose its port to a client, or a client that connects to the
    missing server could be given that same port and meet itself.
    """
    for _ in range(200):
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port between 20000 and 32000 on 127.0.0.1")


def wait_until(what: str, condition, seconds: float, every: float = 0.05):
    """The first true value of the condition; a Failure that names what was waited for after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    # The name, in parentheses, may hold spaces; the fields after it do not.
                    if int(stat.read().rpartition(")")[2].split()[1]) == pid:
                        found.append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we looked
    return found


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processor_seconds(pid: int) -> float:
    """Of one process and of its children that have ended, user and system; 0 when it has ended itself."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        # The process's own clock (clock_getcpuclockid(3) makes its number so): /proc counts in steps of 10 ms, which would hide
        # what an idle server uses. PostgreSQL forks for each connection, so those that have ended are most of what a probe costs.
        own = time.clock_gettime((~pid << 3) | 2)
        return own + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    except (FileNotFoundError, ProcessLookupError, OSError):
        return 0.0


def wake_ups(pid: int) -> int:
    """How often a process's threads that live now have waited for something; 0 when it has ended."""
    waited = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/status") as status:
                waited += next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    except (FileNotFoundError, ProcessLookupError):
        pass  # ended while we looked
    return waited


def send(pid: int, sign):
    """Sends a signal to a process that may have ended meanwhile."""
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


class Process:
    """One server, with its output in a log file."""

    def __init__(self, name, command, log, environment=None, account=None):
        self.name, self.command, self.log, self.environment, self.account = name, command, log, environment, account
        self.handle = None

    @property
    def pid(self) -> int:
        return self.handle.pid

    def start(self):
        who = {"user": self.account, "group": self.account, "extra_groups": []} if self.account else {}
        with open(self.log, "ab") as log:
            # A session of its own, so that Ctrl-C reaches the harness only, which then ends everything in order.
            self.handle = subprocess.Popen(
                self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True, **who)
        return self

    def running(self) -> bool:
        return self.handle is not None and self.handle.poll() is None

    def ready(self, condition, seconds=30):
        """Waits for the condition, and fails at once if the process ends before."""
        def check():
            if not self.running():
                raise Failure(f"{self.name} ended with status {self.handle.returncode}; see {self.log}")
            return condition()
        wait_until(f"{self.name} is ready (log: {self.log})", check, seconds)
        return self

    def stop(self, sign=signal.SIGTERM, seconds=10):
        if not self.running():
            return
        children = children_of(self.pid)
        self.handle.send_signal(sign)
        try:
            self.handle.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        # What a parent did not take down with itself would hold the run's port and files.
        for child in children:
            send(child, signal.SIGKILL)

    def kill(self):
        if self.running():
            self.handle.kill()
            self.handle.wait()
