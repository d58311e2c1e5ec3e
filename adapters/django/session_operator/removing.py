"""Delete and exists in fallback. A logout is acknowledged only once the sidecar has made it durable and visible to all."""

import datetime
import weakref

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone

from session_operator import classify, columns, errors, page, records, runtime
from session_operator.errors import NoAnswer, SessionUnavailable, SidecarGone
from session_operator.fallback import ENGINE, STOCK, drop_cache_entry, logger
from session_operator.glance import glance

EXPIRY = "_session_operator_expiry"  # on a store: the expiry its user set, remembered while flush clears the data


def delete(store, engine, mode, refused, keep, session_key=None):
    """Returns None once the session can never come back; otherwise nothing was deleted."""
    key = store.session_key if session_key is None else session_key
    if key is None:
        return None
    if mode in (page.NORMAL, page.SKIP_SAVE):
        if not refused:
            return ENGINE
        raise SessionUnavailable("the database refuses the logout and the mode is not Cache")
    seconds = _longest_cookie(store, _own_expiry(store))
    try:
        answer = runtime.ask("/v1/delete", _request(store, key, seconds, row_gone=False))
    except SidecarGone:
        return STOCK if refused else _delete_alone(engine, key, seconds)
    except NoAnswer as silence:
        answer = silence.as_refusal()
    if answer.get("status") == "deleted":
        drop_cache_entry(store, key)
        return None
    if answer.get("status") == "normal":
        return ENGINE
    raise errors.refused("the logout cannot be made durable", answer)


def ended(store, session_key=None):
    """The engine has ended a session in Normal. A pod may serve it by a record, or by an entry that a request beside the logout has left
    in the engine's cache, and not look at the row: if the mode is a fallback by now, and if nobody is there to tell this pod that others
    are in one. It may become one until the request is over."""
    key, expiry = store.session_key if session_key is None else session_key, _own_expiry(store)
    word = runtime.word(store)
    if page.in_fallback(word) or (word is not None and word & page.UNATTENDED and runtime.alive()):
        _tell(store, key, expiry)
    elif word is not None and key is not None:
        number = id(store)
        _, before = glance.ended.get(number, (None, ()))
        reference = weakref.ref(store, lambda _: glance.ended.pop(number, None))
        glance.ended[number] = reference, (*before, (key, expiry))


def request_over(store):
    """Before the answer: what was ended in Normal is told if the mode is a fallback by now."""
    _, ends = glance.ended.pop(id(store), (None, ()))
    if ends and page.in_fallback(runtime.word(store)):
        for key, expiry in ends:
            _tell(store, key, expiry)


def _tell(store, key, expiry):
    """Never fails, for nothing can take the end back: "not logged out, try again" would be a lie."""
    if key is None or not records.ordinary(key) or not runtime.serves(type(store)):
        return
    seconds = _longest_cookie(store, expiry)
    try:
        answer = runtime.ask("/v1/delete", _request(store, key, seconds, row_gone=True))
    except NoAnswer as silence:
        answer = silence.as_refusal()
    if answer.get("status") in ("deleted", "normal"):
        return
    try:
        records.leave_word(records.tombstone_name(key), seconds)
    except Exception as error:
        logger.error("the end of a session is known to the database alone: %s, %s", answer.get("reason"), type(error).__name__)


def _request(store, key, seconds, row_gone):
    return {
        "key": key,
        "expires": columns.moment(timezone.now() + datetime.timedelta(seconds=seconds)),
        "cacheEntry": records.cache_entry(store, key),
        "tombstoneEntry": records.raw_entry(records.tombstone_name(key)),
        "rowGone": row_gone,
    }


def _delete_alone(engine, key, seconds):
    """The engine's own delete; the sidecar, once it is back, must not serve the session from its journal, so it is told first."""
    name = records.tombstone_name(key)
    try:
        cache = caches[settings.SESSION_CACHE_ALIAS]
        cache.set(name, 1, seconds)
        noted = cache.get(name) is not None  # some clients drop a set silently
    except Exception as error:
        raise SessionUnavailable("the logout cannot be noted for the sidecar") from error
    if not noted:
        raise SessionUnavailable("the logout cannot be noted for the sidecar")
    try:
        return engine()
    except Exception:
        cache.delete(name)
        raise


def exists(store, engine, mode, refused, keep, session_key):
    """Whether there is such a session: in the sidecar, in the engine's cache, in the database if it can be read. A logged-out one is not."""
    if mode in (page.NORMAL, page.SKIP_SAVE):
        if not refused:
            return ENGINE
        raise SessionUnavailable("the database cannot be asked for a new session key")
    if not session_key:
        return False
    if not records.ordinary(session_key):
        return _exists_in_row(store, engine, refused)
    try:
        answer = runtime.ask("/v1/load", {"key": session_key})
    except SidecarGone:
        return STOCK
    except NoAnswer as silence:
        raise SessionUnavailable("a new session key cannot be checked: %s" % silence) from silence
    if answer.get("status") in ("found", "deleted"):
        return answer["status"] == "found"
    cache = records.engine_cache(store)
    try:
        if cache is not None and (store.cache_key_prefix + session_key) in cache:
            return True
    except Exception as error:
        logger.warning("the engine's cache cannot be asked for a key: %s", type(error).__name__)
    return _exists_in_row(store, engine, refused)


def _exists_in_row(store, engine, refused):
    """The engine's word where the database can be read. Where not, no: a new key is random enough, and its save is told if it is taken."""
    word = runtime.word(store)
    if refused or (word is not None and not word & page.READABLE):
        return False
    try:
        return engine()
    except Exception as error:
        if classify.verdict(error) is None:
            raise
        logger.warning("the database cannot be asked for a key: %s", type(error).__name__)
        return False


def _own_expiry(store):
    """The expiry that the session's user has set, or None."""
    return store.__dict__.get(EXPIRY) or (store.__dict__.get("_session_cache") or {}).get("_session_expiry")


def _longest_cookie(store, expiry):
    """Seconds for which a cookie with this key can still come back."""
    return max(settings.SESSION_COOKIE_AGE, store.get_expiry_age(expiry=expiry))
