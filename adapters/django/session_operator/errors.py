"""What can go wrong on our side."""


class SessionUnavailable(Exception):
    """The session can be neither read nor written honestly just now: answered with 503 and Retry-After.

    `unreadable` is true if no store could produce the session, so nothing of it reached the view. `uncertain` is true if what was
    refused may have come into effect all the same.
    """

    def __init__(self, message, unreadable=False, uncertain=False):
        super().__init__(message)
        self.unreadable = unreadable
        self.uncertain = uncertain


class NoAnswer(Exception):
    """The sidecar did not answer in time, or not in a form we understand. Nothing was acknowledged; `uncertain`: it may have been done."""

    def __init__(self, message, uncertain=False):
        super().__init__(message)
        self.uncertain = uncertain

    def as_refusal(self):
        """What the sidecar would have answered, had it refused."""
        return {"status": "refused", "reason": str(self), "uncertain": self.uncertain}


class SidecarGone(NoAnswer):
    """The sidecar is not there: no socket, or a page without a heartbeat."""


def refused(what, answer):
    """What to raise after the sidecar's answer was a refusal. what: cannot be done, for people."""
    return SessionUnavailable("%s: %s" % (what, answer.get("reason")), uncertain=bool(answer.get("uncertain")))
