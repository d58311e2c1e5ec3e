"""A session without a row, in Normal: it may have been born in the fallback of another pod, of whose outage this one has not heard yet.

Stock Django would treat it as none at a load and answer 400 at a save. The sidecar is asked first; it then follows that pod.
"""

import logging

from django.utils import timezone

from session_operator import page, records, runtime
from session_operator.errors import NoAnswer

logger = logging.getLogger("session_operator")


def row(store, key):
    """The row as the other pod's record has it, or None. Where the mode is a fallback the sidecar has been asked already."""
    word = runtime.word(store)
    if key is None or word is None or word & page.MODE_MASK != page.NORMAL:
        return None
    columns = _columns(store, key)
    if columns is None:
        return None
    try:
        found = records.instance(store.model, key, columns)
        if found.expire_date <= timezone.now():
            return None
    except Exception as error:
        logger.warning("a record of another pod cannot be used: %s", type(error).__name__)
        return None
    store._session_key = key  # backends/db.py has just said "none"
    return found


def lives(store):
    """Whether the session that a save found no row of lives in a record."""
    return _columns(store, store.session_key) is not None


def _columns(store, key):
    if key is None or not records.ordinary(key) or not runtime.alive() or not runtime.serves(type(store)):
        return None
    try:
        answer = runtime.ask("/v1/load", {"key": key, "rowGone": True})
    except NoAnswer as silence:
        logger.warning("a session without a row, and the sidecar does not tell whether it lives elsewhere: %s", silence)
        return None
    return answer.get("columns") if answer.get("status") == "found" else None
