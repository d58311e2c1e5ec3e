"""Carries out a schedule against a fleet, and notes when each fault really began and ended."""
import contextlib
import random
import signal
import threading
import time

from demo.harness.processes import send
from tests.History.judge.event import DATABASE, Fault

from .schedule import APART, OURS

NOTICED = 1.0  # seconds after which an outage that was over before the fleet noticed is forgotten


class Weather:
    """Each fault in a thread of its own, at its planned time or later: on a slow machine servers take longer to come back and the
    fleet longer to notice, and the schedule's bounds are to hold all the same."""

    def __init__(self, fleet, planned, seed):
        self.fleet, self.planned, self.seed = fleet, planned, seed
        self.faults, self.defects, self.threads = [], [], []
        self.frozen = False
        self.closed, self.database, self.ours = threading.Event(), threading.Lock(), threading.Lock()
        self.apart = 0.0  # when the next of our parts may be taken away
        self.lifting, self.missing, self.turn = False, 0, threading.Condition()

    def start(self):
        self.began = time.time()
        for number, plan in enumerate(self.planned):
            thread = threading.Thread(target=self._guarded, args=(plan, number), name=str(plan), daemon=True)
            self.threads.append(thread)
            thread.start()
        self.watch = threading.Thread(target=self._watch, name="watch", daemon=True)
        self.watch.start()

    def finish(self):
        """Blocks until every fault is lifted."""
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                self.defects.append(f"{thread.name} did not come to an end")
        if self.defects:
            raise RuntimeError("a fault could not be carried out: " + "; ".join(self.defects))

    def close(self):
        self.closed.set()
        self.watch.join(5)

    def _guarded(self, plan, number):
        try:
            time.sleep(plan.begin)  # the schedule's own time, not a wait for anything
            with self._place(plan.kind):
                fault = Fault(plan.kind, time.time(), float("inf"), plan.target)
                self.faults.append(fault)
                getattr(self, "_" + plan.kind.replace("-", "_"))(plan, number)
                fault.lifted = time.time()
        except Exception as error:
            self.defects.append(f"{plan}: {error!r}")

    @contextlib.contextmanager
    def _place(self, kind):
        """Waits until the fault keeps the bounds, and keeps those of the others while it lasts."""
        if kind in DATABASE:
            with self.database:
                self._all_sidecars()
                yield
                self.lifting = False
        elif kind in OURS:
            with self.ours:
                time.sleep(max(0.0, self.apart - time.time()))
                if kind == "sidecar":
                    with self.turn:
                        while not self._may_be_missing():
                            self.turn.wait(0.02)
                        self.missing += 1
                try:
                    yield
                finally:
                    self.apart = time.time() + APART
                    with self.turn:
                        self.missing -= kind == "sidecar"
                        self.turn.notify_all()
        else:
            yield

    def _all_sidecars(self):
        with self.turn:
            self.turn.wait_for(lambda: self.missing == 0)

    def _lasted(self, plan):
        """Blocks while a database fault is to last: no sidecar may be missing when it is lifted."""
        time.sleep(plan.length)
        with self.turn:
            self.turn.wait_for(lambda: self.missing == 0)
            self.lifting = True

    def _may_be_missing(self):
        """A sidecar: not while an outage begins, and not while the fleet drains."""
        unsettled = [fault for fault in self.faults if fault.kind in DATABASE and not fault.settled]
        if not unsettled:
            quiet = time.time() - max((fault.settled for fault in self.faults if fault.kind in DATABASE), default=0.0) > NOTICED
            return quiet and not self.database.locked()
        known = all(pod.mode() != "Normal" for pod in self.fleet.pods)
        return known and not self.lifting and all(fault.lifted == float("inf") for fault in unsettled)

    def _watch(self):
        """When all pods are back in Normal after a database fault."""
        while not self.closed.wait(0.05):
            modes = {pod.mode() for pod in self.fleet.pods}
            now = time.time()
            for fault in list(self.faults):
                if fault.kind in DATABASE and not fault.settled and now > fault.lifted and modes == {"Normal"}:
                    fault.settled = now

    def _db_stop(self, plan, _):
        self.fleet.database.stop()
        self._lasted(plan)
        self.fleet.database.start()

    def _db_immediate(self, plan, _):
        self.fleet.database.stop("immediate")
        self._lasted(plan)
        self.fleet.database.start()

    def _db_kill(self, plan, _):
        self.fleet.database.kill9()
        self._lasted(plan)
        self.fleet.database.start()

    def _db_readonly(self, plan, _):
        self._read_only("on")
        self._lasted(plan)
        self._read_only("off")

    def _read_only(self, value):
        self.fleet.database.sql("postgres", f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.fleet.database.sql("postgres", "SELECT pg_reload_conf()")

    def _db_freeze(self, plan, _):
        self.frozen = True
        time.sleep(0.1)  # pages that query the database have been answered by then, mostly
        self.fleet.database.freeze()
        self._lasted(plan)
        self.fleet.database.thaw()
        self.frozen = False

    def _cache_stop(self, plan, _):
        self.fleet.memcached.kill()
        time.sleep(plan.length)
        self.fleet.start_memcached()

    def _cache_freeze(self, plan, _):
        send(self.fleet.memcached.pid, signal.SIGSTOP)
        time.sleep(plan.length)
        send(self.fleet.memcached.pid, signal.SIGCONT)

    def _sidecar(self, plan, _):
        pod = self.fleet.pods[plan.target]
        pod.sidecar.kill()
        time.sleep(plan.length)
        pod.start_sidecar()

    def _worker(self, plan, number):
        self.fleet.pods[plan.target].kill_worker(random.Random(f"{self.seed} {number}"))

    def _operator(self, plan, _):
        self.fleet.operator.kill()
        time.sleep(plan.length)
        self.fleet.start_operator()

    def _pod(self, plan, _):
        pod = self.fleet.pods[plan.target]
        pod.leave()
        pod.replace(keep=True)
