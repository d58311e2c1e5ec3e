"""Save in fallback: optional saves may be skipped, state-bearing ones are made durable by the sidecar or refused with 503."""

import logging
import random

from django.contrib.sessions.backends.base import CreateError, UpdateError

from session_operator import columns, errors, loaded, page, records, runtime
from session_operator.errors import NoAnswer, SessionUnavailable, SidecarGone
from session_operator.fallback import ENGINE, STOCK, drop_cache_entry, tombstoned

logger = logging.getLogger("session_operator")
engine_logger = logging.getLogger("django.contrib.sessions")

TAKEN = "_session_operator_taken"  # on a store: how many new keys in a row were taken
MOST_TAKEN = 10
WORD_LASTS = 600  # seconds; a database that takes saves is drained to before that


def save(store, engine, mode, refused, keep, must_create=False):
    """Returns None once the save is durable, or skipped because it was optional."""
    if store.session_key is None:
        return store.create()
    data = store._get_session(no_load=must_create)
    if store.session_key is None:
        raise UpdateError  # it was loaded just now, and is gone
    serialized = store.serializer().dumps(data)
    known = None if must_create else loaded.recall(store)
    optional = known is not None and known.serialized == serialized
    if not keep and mode in (page.NORMAL, page.SKIP_SAVE):
        if not refused and (not optional or not runtime.alive() or (mode == page.NORMAL and _within_ramp(store))):
            return ENGINE
        if mode == page.SKIP_SAVE:
            if optional:
                return _skip("mode SkipSave")
            raise SessionUnavailable("the database refuses this change and the mode is SkipSave")
    result = _send(store, mode, keep, must_create, data, "optional" if optional else "state", known and known.base)
    if result is STOCK and not refused and not must_create and mode in (page.CACHE, page.DRAIN):
        return _save_alone(store, engine)
    return result


def _save_alone(store, engine):
    """The engine's own save. Sidecars may have a record of the session and not look at the row, so they are told of it: before, since
    a replay could come between the save and the word, and after, since another request's record may have replaced the word. What is
    in the row cannot be taken back, so neither can fail."""
    name = records.saved_name(store.session_key)
    announced = _leave_word(records.announce, name, WORD_LASTS)
    try:
        result = engine()
    except BaseException:
        if announced:
            _leave_word(records.take_back, name)
        raise
    _leave_word(records.leave_word, name, WORD_LASTS)
    return result


def tell(store):
    """The engine has saved the session, in Normal, and the mode may be a fallback by now: pods in it serve the record they have and do
    not look at the row, so the sidecar gets this state too. What is in the row cannot be taken back, so only a logout can fail it."""
    key = store.session_key
    if key is None or not page.in_fallback(runtime.word(store)):
        return
    if not records.ordinary(key) or not runtime.serves(type(store)):
        return
    data = store._get_session()
    try:
        told = _send(store, page.CACHE, False, False, data, "state", records.base(store.encode(data)))
    except SessionUnavailable as refusal:
        logger.error("a save by the engine is not known to the sidecar: %s", refusal)
        told = STOCK
    if told is STOCK:
        _leave_word(records.leave_word, records.saved_name(key), WORD_LASTS)


def keep_whole(store, key):
    """The end of this session was refused after the database may have carried it out. Nobody was told that it is over, and what is
    acknowledged from now on must not be lost with the row: the sidecar gets the session as one that a replay may insert. The engine's
    cache entry must be there, for whoever has ended the session elsewhere has deleted it. Never fails: the refusal is the answer."""
    if not page.in_fallback(runtime.word(store)) or not records.ordinary(key) or not runtime.serves(type(store)):
        return
    whole = type(store)(key)
    try:
        data = whole._get_session()  # as it is now, of whichever request
        known = loaded.recall(whole)
        if whole.session_key is None or _entry_there(whole) is not True:
            return
        row = whole.create_model_instance(data)
        request = _request(key, whole, row, "optional", known and known.base, False, entrySeen=True, rowUnsure=True)
        answer = runtime.ask("/v1/save", request)
    except Exception as error:
        answer = {"reason": type(error).__name__}
    if answer.get("status") not in ("saved", "deleted", "normal"):
        logger.warning("a session whose end was refused may be without its row: %s", answer.get("reason"))


def _leave_word(how, *arguments):
    try:
        return how(*arguments)
    except Exception as error:
        logger.error("a save without the sidecar is known to the database alone: %s", type(error).__name__)


def _within_ramp(store):
    word = runtime.word(store)
    return word is None or random.random() * 1000 < page.ramp_of(word)


def _send(store, mode, keep, must_create, data, change, base):
    key = store.session_key
    row = store.create_model_instance(data)
    there = None if must_create or keep else _entry_there(store)
    seen = {"keep": keep, "entryGone": there is False, "entrySeen": there is True}
    request = _request(key, store, row, change, base, must_create, **seen)
    try:
        answer = runtime.ask("/v1/save", request)
    except SidecarGone:
        if not must_create and tombstoned(store, key):
            raise UpdateError
        return STOCK
    except NoAnswer as silence:
        answer = silence.as_refusal()
    status = answer.get("status")
    if status == "saved":
        _keep_engine_current(store, change)
        loaded.remember_row(store, row.session_data)
        return None
    if status == "normal":
        return ENGINE
    if status == "deleted" and not must_create:
        drop_cache_entry(store, key)
        raise UpdateError
    if status in ("exists", "deleted") and must_create:
        _count_taken(store)
        raise CreateError
    if mode == page.NORMAL:
        return STOCK
    if change == "optional":
        return _skip(answer.get("reason"))
    raise errors.refused("the change cannot be made durable", answer)


def _request(key, store, row, change, base, create, **more):
    return {
        "key": key,
        "change": change,
        "create": create,
        "keep": False,
        "columns": records.row(row, create),
        "expires": columns.moment(row.expire_date),
        "base": base,
        "cacheEntry": records.cache_entry(store, key),
        "tombstoneEntry": records.raw_entry(records.tombstone_name(key)),
        "savedEntry": records.raw_entry(records.saved_name(key)),
        **more,
    }


def _entry_there(store):
    """Whether the engine's own cache entry, which a load finds or makes and a logout deletes, is there. None: the cache does not tell."""
    cache = records.engine_cache(store)
    if cache is None:
        return None
    try:
        return cache.get(store.cache_key) is not None
    except Exception as error:
        logger.warning("the engine's cache cannot be asked for a session: %s", type(error).__name__)
        return None


def _skip(reason):
    logger.info("optional save skipped: %s", reason)


def _count_taken(store):
    taken = store.__dict__.get(TAKEN, 0) + 1
    store.__dict__[TAKEN] = taken
    if taken > MOST_TAKEN:  # create() tries for ever
        raise SessionUnavailable("no new session key is free")


def _keep_engine_current(store, change):
    cache = records.engine_cache(store)
    if cache is None:
        return
    try:
        if change == "optional":
            # Another request may have changed the session since it was loaded here: only the expiry is ours to move.
            cache.touch(store.cache_key, store.get_expiry_age())
        else:
            cache.set(store.cache_key, store._session, store.get_expiry_age())
    except Exception:
        # In the words of Django 5.1 and later, where this is no error of the request either.
        engine_logger.exception("Error saving to cache (%s)", cache)
