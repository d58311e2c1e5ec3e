"""The ways the database goes away, and comes back. Each is on from its begin() to the end of its lift()."""
from .processes import Failure, wait_until


class Stop:
    """An administrator restarts the server and takes 15 s over it."""

    def __init__(self, database):
        self.database = database

    def prepare(self):
        pass

    def begin(self):
        self.database.stop()

    def lift(self):
        self.database.start()


class Kill9(Stop):
    """All processes of the server die at once; the next start has to recover."""

    def begin(self):
        self.database.kill9()


class ReadOnly(Stop):
    """A failover's view: the server answers, reads, and refuses every write, on connections that exist already, too."""

    def prepare(self):
        # Connected before the fault, as the app's workers are.
        self.witness = self.database.connect(user="shop")
        self.witness.ask("CREATE TEMP TABLE IF NOT EXISTS unused (x int)")
        if not self._writes():
            raise Failure("the witness connection cannot write before the fault")

    def begin(self):
        self._set("on")
        wait_until("existing connections are refused writes", lambda: not self._writes(), 5, every=0.005)

    def lift(self):
        self._set("off")
        wait_until("existing connections may write again", self._writes, 5, every=0.005)
        self.witness.close()

    def _writes(self) -> bool:
        answer = self.witness.ask("UPDATE django_session SET session_data = session_data WHERE session_key = 'nobody'")
        if not answer:
            return True
        if "read-only transaction" in answer[0][0]:
            return False
        raise Failure(f"the witness connection got an unexpected answer: {answer}")

    def _set(self, value):
        # A server that is read-only by default still lets ALTER SYSTEM through: it writes a file, not a table.
        self.database.sql("postgres", f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.database.sql("postgres", "SELECT pg_reload_conf()")


class Freeze(Stop):
    """Nothing dies and nothing answers: a hung disk, a stopped virtual machine."""

    def begin(self):
        self.database.freeze()

    def lift(self):
        self.database.thaw()


class FreezeMixed(Freeze):
    """The same under the load of the other faults: pages that query the database hold their workers, unless the app fails fast."""


class Nothing(Stop):
    """The database stays: for runs in which something else breaks."""

    def begin(self):
        pass

    def lift(self):
        pass


FAULTS = {"stop": Stop, "kill9": Kill9, "readonly": ReadOnly, "freeze": Freeze}
# What a run adds when it is asked for it by name.
MORE = {"freeze-mixed": FreezeMixed}
