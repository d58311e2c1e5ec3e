"""What a session looked like when it was loaded: tells an optional save from a state-bearing one, and names its base.

A row's text is only remembered, and looked at if a save asks. In fallback a session that came from the engine's cache is
serialised at once, because the app may change it in place. In Normal a store's __dict__ is left alone: Python makes one only when
somebody asks for it, and from then on every look at the store's attributes is slower.
"""

from session_operator import records

NAME = "_session_operator_loaded"  # on a store


class Loaded:
    """A session as loaded: its serialised form, and the base of the row that holds it."""

    __slots__ = ("serialized", "base")

    def __init__(self, serialized, base):
        self.serialized = serialized
        self.base = base


def install(store_class):
    """A store that remembers nothing has the attribute all the same: to find that there is none costs more."""
    setattr(store_class, NAME, None)


def remember_row(store, encoded):
    """Keep the text of the row that the session was just read from, or saved as."""
    setattr(store, NAME, encoded)


def remember(store, data):
    """Keep `data` as it is now, unless its row's text is known anyway."""
    if row_of(store) is not None:
        return
    try:
        serialized = store.serializer().dumps(data)
        base = records.base(store.encode(data))
    except Exception:  # what cannot be serialised cannot be compared: every save counts as state-bearing
        forget(store)
    else:
        store.__dict__[NAME] = Loaded(serialized, base)


def row_of(store):
    """The remembered text of the row, or None."""
    known = getattr(store, NAME, None)
    return known if isinstance(known, str) else None


def forget(store):
    """After a save by the engine the row is no longer the one that was loaded."""
    store.__dict__.pop(NAME, None)


def recall(store):
    """The session as loaded, or None if that is unknown."""
    known = store.__dict__.get(NAME)
    if isinstance(known, Loaded):
        return known
    try:
        if known is not None:
            return Loaded(store.serializer().dumps(store.decode(known)), records.base(known))
        cache = records.engine_cache(store)
        # Loaded in Normal, from the engine's cache: the entry still holds it, since the engine writes the database first.
        data = None if cache is None else cache.get(store.cache_key)
        if data is None:
            return None
        return Loaded(store.serializer().dumps(data), records.base(store.encode(data)))
    except Exception:  # the cache is away, or the entry is not what this app would write
        return None
