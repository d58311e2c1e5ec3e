"""clear_expired while changes are kept aside (Cache, Drain): the table does not know which sessions were used meanwhile, so it is left alone.

A row that looks expired there may have an expiry that was moved during the outage; replay only updates rows that are there.
"""

import functools
import inspect
import logging

from session_operator import page, runtime

logger = logging.getLogger("session_operator")

NAMES = ("clear_expired", "aclear_expired")  # the second from Django 5.1 on
SPARING = set()  # every function made here


def extend(store):
    """Patch what `store` itself defines of them."""
    for name in NAMES:
        method = store.__dict__.get(name)
        if isinstance(method, classmethod) and method.__func__ not in SPARING:
            setattr(store, name, classmethod(_sparing(method.__func__)))


def _sparing(original):
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def operation(cls):
            return None if _not_now(cls) else await original(cls)

    else:

        @functools.wraps(original)
        def operation(cls):
            return None if _not_now(cls) else original(cls)

    SPARING.add(operation)
    return operation


def _not_now(store_class):
    if not page.in_fallback(runtime.word_for(store_class)) or not runtime.serves(store_class):
        return False
    logger.warning("expired sessions stay for now: changes of the outage are not in the database yet; run clearsessions again later")
    return True
