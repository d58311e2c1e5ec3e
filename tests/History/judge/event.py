"""What the judge is given: requests as their clients saw them, and the faults as they were in force. Times are seconds since 1970."""
from dataclasses import dataclass

EMPTY = {"plain": {}, "nested": {}, "log": [], "expiry": None}
COOKIE_AGE = 1209600  # seconds; Django's default: a saved row expires this long after its save

ENDS = ("cycle", "login", "flush", "logout")       # after it was acknowledged, the session id is dead
ACCOUNT = ("login", "logout", "user")              # pages that read the user's row themselves
DATABASE = ("db-stop", "db-immediate", "db-kill", "db-readonly", "db-freeze")
UNREACHABLE = ("db-stop", "db-immediate", "db-kill", "db-freeze")


@dataclass(slots=True)
class Event:
    """One request and its answer. Status 0: no answer at all."""
    client: str
    pod: int
    kind: str
    sent: float
    done: float = 0.0
    status: int = 0
    key: str | None = None        # the session cookie that was sent
    new_key: str | None = None    # the session cookie of the answer
    dropped: bool = False         # the answer deletes the session cookie
    change: tuple | None = None   # ("plain", name, value), ("nested", name, value), ("append", value), ("expiry", seconds)
    user: str | None = None       # whose session it is, as the answer says
    state: dict | None = None     # what the session holds, as the answer says
    retry_after: bool = False     # a 503 that says when to come back
    unsure: bool = False          # a 503 that does not promise that nothing was changed

    @property
    def alive(self) -> bool:
        """The answer treats the session id that was sent as one that exists."""
        if self.status != 200 or self.key is None:
            return False
        if self.kind in ENDS:
            return self.user is not None or self.state != EMPTY
        return not self.dropped and self.new_key in (None, self.key)

    @property
    def ended(self) -> bool:
        """The end of the session id that was sent is acknowledged. A login of the user it belongs to already only renews it."""
        return self.kind in ENDS and self.status == 200 and self.key is not None and self.new_key != self.key


@dataclass(slots=True)
class Fault:
    """One fault: from the moment it was begun until what it broke was put back. Target: a pod's number, -1 where there is none."""
    kind: str
    begin: float
    lifted: float
    target: int = -1
    settled: float = 0.0  # of a database fault: when every pod was back in Normal; 0 if that was not seen


@dataclass(frozen=True)
class Violation:
    rule: str
    text: str
    at: float

    def __str__(self):
        return f"{self.rule} at {self.at:.3f}: {self.text}"


def changed(state: dict, change: tuple | None) -> dict:
    """The state after a change."""
    match change:
        case None:
            return state
        case ("append", value):
            return {**state, "log": [*state["log"], value]}
        case ("expiry", seconds):
            return {**state, "expiry": seconds}
        case (part, name, value):
            return {**state, part: {**state[part], name: value}}
    raise ValueError(f"not a change: {change}")


def difference(expected: dict, found: dict) -> str:
    """The parts that differ, for people."""
    parts = [f"{part}: {found[part]} instead of {expected[part]}" for part in EMPTY if found[part] != expected[part]]
    return "; ".join(parts)
