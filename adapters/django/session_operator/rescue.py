"""What to do with a failed operation of the engine: leave it, repeat it, or complete it in a fallback mode."""

import logging

from session_operator import classify, reports, runtime
from session_operator.connected import connections_of
from session_operator.errors import NoAnswer

logger = logging.getLogger("session_operator")


class Decision:
    """How to go on: `mode` None means raise `error` as it is; `done` means the repeated operation returned `result`."""

    __slots__ = ("mode", "keep", "error", "done", "result")

    def __init__(self, mode=None, keep=False, error=None, done=False, result=None):
        self.mode, self.keep, self.error, self.done, self.result = mode, keep, error, done, result


def consult(model, error, engine):
    """Classify `error`, report it to the sidecar and return what follows. `engine()` repeats the failed operation."""
    if getattr(error, "session_operator_seen", False):  # an operation inside this one has already asked
        return Decision(error=error)
    answer = _report(error, retried=False)
    used = connections_of(model)
    if answer is None or _broken(used, error):
        return Decision(error=error)
    if answer.get("retry"):
        close(used)
        try:
            return Decision(done=True, result=engine())
        except Exception as second:
            error = second
        answer = _report(error, retried=True)
        if answer is None or _broken(used, error):
            return Decision(error=error)
    mode = answer.get("mode")
    keep = bool(answer.get("keep"))
    if mode not in (1, 2, 3) and not keep:
        return Decision(error=error)
    return Decision(mode=mode, keep=keep, error=error)


def _report(error, retried):
    """The sidecar's answer, or None if the error is not ours or nobody answers: then it is raised untouched."""
    verdict = classify.verdict(error)
    if verdict is None or verdict == classify.ROW_GONE:
        return None
    try:
        error.session_operator_seen = True
        with reports.Report():
            return runtime.ask(
                "/v1/report", {"verdict": verdict, "detail": classify.detail(error), "retried": retried}
            )
    except NoAnswer as silence:
        logger.warning("a session operation failed (%s) and the sidecar gave no answer: %s", verdict, silence)
        return None


def _broken(used, error):
    """Whether the caller's own transaction is lost, so that completing our part would only pretend."""
    lost = classify.lost(error)
    return any(
        connection.in_atomic_block and (lost or connection.needs_rollback) for connection in used
    )


def close(used):
    """Close the connections so that the next call opens fresh ones; not inside the caller's transaction."""
    for connection in used:
        if not connection.in_atomic_block:
            connection.close()
