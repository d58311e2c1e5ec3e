"""Operations made of several: create, cycle_key and flush, which must leave the session whole when one part is refused.

And the asynchronous twins (Django 5.1 and later), which take the way of the synchronous ones.
"""

import functools
import logging

from session_operator import removing, rotation, runtime, saving
from session_operator.errors import SessionUnavailable

logger = logging.getLogger("session_operator")

WHOLE = set()  # every method made here


def create(original):
    """A session that could not be created keeps the key it had, so that a later save does not take it for a logged-out one."""

    @functools.wraps(original)
    def operation(self):
        key = self.session_key
        self.__dict__.pop(saving.TAKEN, None)
        try:
            return original(self)
        except SessionUnavailable:
            self._session_key = key
            raise

    return _mark(operation)


def cycle_key(original):
    """The new key and the end of the old one come together, or the old session stays whole under its old key."""

    @functools.wraps(original)
    def operation(self):
        old = self.session_key
        before = None if old is None else dict(self.__dict__)
        try:
            return original(self)
        except SessionUnavailable as refusal:
            new = self.session_key
            if before is not None and new != old:
                if refusal.uncertain:
                    saving.keep_whole(self, old)
                if new is not None:
                    _remove(self, new)
                _restore(self, before)
            if rotation.deferred(self):
                return None
            raise

    return _mark(operation)


def flush(original):
    """A refused logout leaves key and data, so the session is neither half gone nor overwritten with nothing."""

    @functools.wraps(original)
    def operation(self):
        before = dict(self.__dict__)
        self.__dict__[removing.EXPIRY] = (before.get("_session_cache") or {}).get("_session_expiry")
        try:
            return original(self)
        except SessionUnavailable as refusal:
            _restore(self, before)
            if refusal.uncertain and self.session_key is not None:
                saving.keep_whole(self, self.session_key)
            raise
        finally:
            self.__dict__.pop(removing.EXPIRY, None)

    return _mark(operation)


def asynchronous(store):
    """The a-methods that `store` defines itself, each by way of the synchronous one; nothing before Django 5.1."""
    if not hasattr(store, "asave"):
        return {}
    return {
        "a" + name: _asynchronous(name, getattr(store, "a" + name))
        for name in ("load", "save", "delete", "exists", "create", "cycle_key", "flush")
        if getattr(store, "a" + name) not in WHOLE
    }


def _asynchronous(name, original):
    @functools.wraps(original)
    async def operation(self, *args, **kwargs):
        from asgiref.sync import sync_to_async

        if runtime.word(self) is None:
            return await original(self, *args, **kwargs)
        return await sync_to_async(getattr(self, name))(*args, **kwargs)

    return _mark(operation)


def _mark(operation):
    WHOLE.add(operation)
    return operation


def _restore(store, before):
    store.__dict__.clear()
    store.__dict__.update(before)


def _remove(store, key):
    """Take back the key that was created a moment ago and that nobody has seen."""
    try:
        store.delete(key)
    except Exception as error:
        logger.warning("a new session could not be taken back: %s", type(error).__name__)
