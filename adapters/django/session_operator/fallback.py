"""What the operations of a session store share while the mode is not Normal.

Each operation takes (store, engine, mode, refused, keep, *its own arguments). `engine()` is Django's own; `refused` tells that
it was tried in this request and the database refused; `keep` that this one save may be kept although the mode is Normal.
It returns its result, or ENGINE or STOCK to hand over.
"""

import logging

from django.conf import settings
from django.core.cache import caches

from session_operator import records
from session_operator.errors import SessionUnavailable

logger = logging.getLogger("session_operator")

ENGINE = object()  # let the engine do it; a failure is ours to rescue again
STOCK = object()  # the sidecar is gone: let the engine do it, or raise what it raised


def tombstoned(store, key):
    """Whether the sidecar, gone by now, left "logged out" for this session in the cache."""
    if not records.ordinary(key):
        return False
    try:
        return caches[settings.SESSION_CACHE_ALIAS].get(records.tombstone_name(key)) is not None
    except Exception as error:
        if records.engine_cache(store) is None:
            return False  # the db engine works without a cache, as it would without us
        # Could not look: that is neither "logged out" nor "logged in".
        raise SessionUnavailable("neither sidecar nor cache can be asked", unreadable=True) from error


def drop_cache_entry(store, key):
    """Delete the engine's own cache entry; a cache that does not answer is logged, since the sidecar knows better anyway."""
    cache = records.engine_cache(store)
    if cache is None or not key:
        return
    try:
        cache.delete(store.cache_key_prefix + key)
    except Exception as error:
        logger.warning("a stale cache entry could not be dropped: %s", type(error).__name__)
