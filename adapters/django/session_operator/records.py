"""Between Django's objects and the sidecar's JSON: rows, their base, names of cache entries."""

import base64
import hashlib
import logging

from django.conf import settings
from django.core.cache import caches
from django.db import connections, router

from session_operator import columns

logger = logging.getLogger("session_operator")


def row(instance, create):
    """All columns of a session row but its key, as Model.save would write them."""
    connection = connections[router.db_for_write(type(instance), instance=instance)]
    return {
        field.column: columns.to_json(field, field.pre_save(instance, create), connection)
        for field in instance._meta.concrete_fields
        if not field.primary_key
    }


def instance(model, key, written):
    """The model instance for a record of the sidecar; `written` is its columns."""
    values = {model._meta.pk.attname: key}
    for field in model._meta.concrete_fields:
        if not field.primary_key and field.column in written:
            values[field.attname] = columns.from_json(field, written[field.column])
    return model(**values)


def base(encoded):
    """Length and digest of what does not depend on the moment of signing: all up to the ':' before the timestamp."""
    parts = encoded.rsplit(":", 2)
    if len(parts) != 3:
        return None  # a format of before Django 3.1
    prefix = (parts[0] + ":").encode()
    return {"length": len(prefix), "sha256": base64.b64encode(hashlib.sha256(prefix).digest()).decode()}


def engine_cache(store):
    """The cache in which the engine itself keeps whole sessions, or None for the plain db engine."""
    return getattr(store, "_cache", None) if hasattr(store, "cache_key_prefix") else None


def cache_entry(store, key):
    """The raw key of the engine's own cache entry of session `key`, or None."""
    cache = engine_cache(store)
    return None if cache is None else str(cache.make_key(store.cache_key_prefix + key))


def ordinary(key):
    """Whether the sidecar takes `key`. A cookie can hold anything; Django itself makes 32 letters and digits."""
    return key.isalnum() and key.isascii() and len(key) <= 128


def tombstone_name(key):
    """The name, for Django's cache API, under which the sidecar leaves "logged out"."""
    return "sessionoperator.tombstone." + key


def saved_name(key):
    """The name under which an app whose sidecar is gone leaves "saved by the engine, past all records" for all sidecars."""
    return "sessionoperator.saved." + key


def leave_word(name, seconds):
    """Set the entry of that name, for as long. Raises what the cache's client does."""
    caches[settings.SESSION_CACHE_ALIAS].set(name, 1, seconds)


def announce(name, seconds):
    """As leave_word, of something that is about to be done; tells whether the word was not there yet. Raises what the cache's client does."""
    return caches[settings.SESSION_CACHE_ALIAS].add(name, 1, seconds)


def take_back(name):
    """Delete the entry of that name. Raises what the cache's client does."""
    caches[settings.SESSION_CACHE_ALIAS].delete(name)


def raw_entry(name):
    """A name as the raw key the cache server sees; None without a usable cache, which the db engine does not need."""
    try:
        return str(caches[settings.SESSION_CACHE_ALIAS].make_key(name))
    except Exception as error:
        logger.warning("no cache to leave word in: %s", type(error).__name__)
        return None
