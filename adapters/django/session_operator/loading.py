"""Load in fallback: the sidecar's record, the engine's cache entry, the database if it may be read, else unavailable."""

import logging

from django.utils import timezone

from session_operator import classify, elsewhere, loaded, page, records, rescue, runtime
from session_operator.connected import connections_of
from session_operator.errors import NoAnswer, SessionUnavailable, SidecarGone
from session_operator.fallback import ENGINE, STOCK, tombstoned

logger = logging.getLogger("session_operator")

READING = "_session_operator_reading"  # on a store: the row its _get_session_from_db returns, or
UNREADABLE = object()  # the database must not be asked


def load(store, engine, mode, refused, keep):
    """Returns the session's data. A store that could not be asked never makes it empty or absent."""
    if mode in (page.NORMAL, page.SKIP_SAVE) and not refused:
        return ENGINE
    key = store.session_key
    if key is None:
        return _absent(store)
    if not records.ordinary(key):
        return _from_engine(store, engine, refused) if runtime.alive() else STOCK
    try:
        answer = runtime.ask("/v1/load", {"key": key})
    except SidecarGone:
        return _absent(store) if tombstoned(store, key) else STOCK
    except NoAnswer as silence:
        raise SessionUnavailable("the session cannot be looked up: %s" % silence, unreadable=True) from silence
    status = answer.get("status")
    if status == "deleted":
        return _absent(store)
    if status == "found":
        return _from_record(store, key, answer.get("columns"))
    if status == "none":
        return _from_engine(store, engine, refused)
    raise SessionUnavailable("the sidecar cannot tell what became of the session: %s" % status, unreadable=True)


def row_from_db(store, original):
    """In place of the store's _get_session_from_db: obeys what load decided, and remembers the row."""
    reading = getattr(store, READING, None)
    if reading is UNREADABLE:
        raise SessionUnavailable("no store can produce the session", unreadable=True)
    if reading is None:
        key = store.session_key
        row = original(store)
        if row is None:
            row = elsewhere.row(store, key)
    else:
        row = reading
    if row is not None:
        loaded.remember_row(store, row.session_data)
    return row


def _absent(store):
    # As backends/db.py does for a missing row: the middleware then drops the cookie.
    store._session_key = None
    return {}


def _from_record(store, key, columns):
    try:
        row = records.instance(store.model, key, columns)
        expired = row.expire_date <= timezone.now()
    except Exception as error:
        raise SessionUnavailable("the sidecar's record cannot be used", unreadable=True) from error
    if expired:
        return _absent(store)
    # Through the store's own method, where subclasses pick up their additional columns.
    store.__dict__[READING] = row
    try:
        row = store._get_session_from_db()
    finally:
        del store.__dict__[READING]
    return store.decode(row.session_data)


def _from_engine(store, engine, refused):
    word = runtime.word(store)
    readable = word is None or word & page.MODE_MASK == page.NORMAL or word & page.READABLE
    loaded.forget(store)
    if refused or not readable:
        data = _from_cache(store, engine)
    else:
        data = _read(store, engine)
    if store.session_key is not None:
        loaded.remember(store, data)
    return data


def _from_cache(store, engine):
    """The engine's own cache entry; without one the row, if it can be read after all: in the first moments nobody knows."""
    key = store.session_key
    store.__dict__[READING] = UNREADABLE
    try:
        return _read(store, engine)
    except SessionUnavailable:
        if not _readable(key):
            raise
    finally:
        store.__dict__.pop(READING, None)
    rescue.close(connections_of(store.model))
    return _read(store, engine)


def _readable(key):
    if not records.ordinary(key):
        return False
    try:
        answer = runtime.ask("/v1/load", {"key": key, "entryGone": True})
    except NoAnswer as silence:
        logger.warning("whether rows can be read is not known: %s", silence)
        return False
    return answer.get("status") == "none" and answer.get("readable") is True


def _read(store, engine):
    try:
        return engine()
    except Exception as error:
        row = loaded.row_of(store)
        if row is not None:
            # Read and decoded, and then the engine could not put it into its cache.
            logger.warning("the engine's cache did not take a session: %s", type(error).__name__)
            return store.decode(row)
        if classify.verdict(error) != classify.UNREACHABLE:
            raise _unreadable(error)
    # A connection from before the failover; a fresh one may read.
    rescue.close(connections_of(store.model))
    try:
        return engine()
    except Exception as error:
        raise _unreadable(error)


def _unreadable(error):
    if classify.verdict(error) is None:
        return error
    return SessionUnavailable("no store can produce the session", unreadable=True)
