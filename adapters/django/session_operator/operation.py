"""One operation of a store, carried through whatever the mode is and whatever the database does meanwhile."""

import functools
import logging

from django.contrib.sessions.backends.base import CreateError
from django.db import router

from session_operator import (
    classify,
    deadline,
    elsewhere,
    loaded,
    loading,
    page,
    removing,
    rescue,
    runtime,
    saving,
)
from session_operator.connected import connections_of
from session_operator.errors import SessionUnavailable
from session_operator.fallback import ENGINE, STOCK, drop_cache_entry
from session_operator.page import NORMAL

logger = logging.getLogger("session_operator")

FALLBACKS = {
    "load": loading.load,
    "save": saving.save,
    "delete": removing.delete,
    "exists": removing.exists,
}
ROUNDS = 3  # how often an operation may go back and forth while the mode changes under it
# On a store, while the engine does an operation for another reason than the mode Normal that the operation began in.
BESIDES = "_session_operator_besides"


def operate(store, name, original, args, kwargs, mode, failure):
    """Carry an operation through in `mode`. `failure` is what the engine already raised in this request, or None."""
    around = store.__dict__.get(BESIDES, False)
    try:
        return _operate(store, name, original, args, kwargs, mode, failure)
    finally:
        store.__dict__[BESIDES] = around


def _operate(store, name, original, args, kwargs, mode, failure):
    fallback = FALLBACKS[name]
    engine = functools.partial(original, store, *args, **kwargs)
    uncertain = False  # the database may have carried the operation out although it failed
    for _ in range(ROUNDS):
        keep = False
        if mode != NORMAL or failure is not None:
            store.__dict__[BESIDES] = True
        if failure is not None:
            if isinstance(failure, SessionUnavailable):
                raise failure
            gone = name == "save" and classify.verdict(failure) == classify.ROW_GONE
            if gone and elsewhere.lives(store):
                decision = rescue.Decision(page.CACHE, error=failure)
            else:
                if gone:
                    # A cache entry that outlives its row would make stock answer 400 for ever; so the next request is anonymous.
                    drop_cache_entry(store, store.session_key)
                if not runtime.serves(type(store)):
                    raise failure
                uncertain = uncertain or classify.lost(failure)
                decision = rescue.consult(store.model, failure, engine)
            failure = decision.error
            if uncertain and isinstance(failure, CreateError) and _took_its_key(store):
                return _save_again(store, original)
            if decision.done:
                _by_the_engine(store, name, args, kwargs, decision.result)
                return decision.result
            mode = decision.mode
            keep = decision.keep and name == "save"
            if decision.keep and name != "save" and classify.verdict(failure) == classify.DEADLINE:
                # Cut off at a server that answers again by now, and doing it once more changes nothing.
                rescue.close(connections_of(store.model))
                try:
                    result = engine()
                except Exception as error:
                    failure = error
                    continue
                _by_the_engine(store, name, args, kwargs, result)
                return result
            if not keep and mode not in (page.SKIP_SAVE, page.CACHE, page.DRAIN):
                raise failure
        elif not runtime.serves(type(store)):
            return engine()
        try:
            result = fallback(store, engine, mode, failure is not None, keep, *args, **kwargs)
        except SessionUnavailable as refusal:
            refusal.uncertain = refusal.uncertain or uncertain
            raise
        except CreateError:
            if uncertain and _took_its_key(store):
                return _save_again(store, original)
            raise
        if result is STOCK:
            if failure is not None:
                raise failure
            return engine()
        if result is not ENGINE:
            return result
        try:
            result = engine()
        except Exception as error:
            failure = error
        else:
            _by_the_engine(store, name, args, kwargs, result)
            return result
    raise failure


def _by_the_engine(store, name, args, kwargs, result):
    """The engine has carried the operation out in the end: what it did may be for the sidecar, too."""
    if name == "save":
        loaded.forget(store)
        saving.tell(store)
    elif name == "delete":
        removing.ended(store, *args, **kwargs)
    elif name == "load" and store.session_key is not None:
        loaded.remember(store, result)


def _took_its_key(store):
    """Whether the row that holds the new key is that of this very save: the server carried out what it was cut off from. Taken for
    somebody else's it would stay behind, with the user's data and without anybody who could log it out."""
    known = runtime.current()
    if known is None:
        return False
    used = connections_of(store.model)
    rescue.close(used)  # a call that was cut off has left its connection useless
    sessions = store.model._base_manager.using(router.db_for_write(store.model))
    try:
        with deadline.Watch(used, known):
            row = sessions.filter(session_key=store.session_key).values_list("session_data", flat=True).first()
    except Exception as error:
        logger.warning("it cannot be found out whose a new session's key is: %s", type(error).__name__)
        return False
    return row is not None and store.decode(row) == store._session


def _save_again(store, original):
    """There is a row already, so not as a new one: what the engine does besides (its cache entry) is still to be done."""
    return operate(store, "save", original, (False,), {}, NORMAL, None)
