"""Patches Django's session stores in place: the classes, their names, keys and order of inheritance stay the user's.

In Normal each operation is one look at the page and the engine's own method.
"""

import functools

from session_operator import deadline, loaded, loading, page, removing, rescue, runtime, saving
from session_operator.errors import SessionUnavailable
from session_operator.fallback import ENGINE, STOCK

FALLBACKS = {
    "load": loading.load,
    "save": saving.save,
    "delete": removing.delete,
    "exists": removing.exists,
}
ROUNDS = 3  # how often an operation may go back and forth while the mode changes under it


def install(module):
    """Patch the SessionStore of django.contrib.sessions.backends.db, and with it all that inherit from it."""
    store = module.SessionStore
    if getattr(store.save, "session_operator", False):
        return
    from session_operator import composites

    patches = {
        "load": routed("load", store.load),
        "save": routed("save", watched_save(store.save)),
        "delete": routed("delete", watched(store.delete)),
        "exists": routed("exists", watched(store.exists)),
        "_get_session_from_db": row_reader(store._get_session_from_db),
        "create": composites.create(store.create),
        "cycle_key": composites.cycle_key(store.cycle_key),
        "flush": composites.flush(store.flush),
        "__init_subclass__": classmethod(functools.partial(_init_subclass, store)),
    }
    patches.update(composites.asynchronous(store))
    for name, method in patches.items():
        setattr(store, name, method)
    for subclass in _subclasses(store):
        extend(subclass)


def extend(subclass):
    """Route a subclass's own methods; what it inherits from us is routed already."""
    from session_operator import composites

    for name in FALLBACKS:
        method = getattr(subclass, name)
        if not getattr(method, "session_operator", False):
            setattr(subclass, name, routed(name, method))
    for name in ("create", "cycle_key", "flush"):
        method = getattr(subclass, name)
        if not getattr(method, "session_operator", False):
            setattr(subclass, name, getattr(composites, name)(method))
    for name, method in composites.asynchronous(subclass).items():
        setattr(subclass, name, method)


def _init_subclass(store, subclass, **arguments):
    super(store, subclass).__init_subclass__(**arguments)
    extend(subclass)


def _subclasses(store):
    for subclass in store.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def routed(name, original):
    """`original`, with the mode obeyed and its failures rescued, if it is the outermost method of that name."""
    saves = name == "save"

    @functools.wraps(original)
    def operation(self, *args, **kwargs):
        if getattr(type(self), name) is not operation:
            return original(self, *args, **kwargs)  # called by a subclass's method, which is routed
        word = runtime.word(self)
        if word is None:
            return original(self, *args, **kwargs)
        if word & page.PLAIN_MASK != page.PLAIN:
            return operate(self, name, original, args, kwargs, word & page.MODE_MASK, None)
        try:
            result = original(self, *args, **kwargs)
        except Exception as error:
            failure = error
        else:
            if saves:
                loaded.forget(self)
            return result
        return operate(self, name, original, args, kwargs, page.NORMAL, failure)

    operation.session_operator = True
    return operation


def operate(store, name, original, args, kwargs, mode, failure):
    """Carry an operation through in `mode`. `failure` is what the engine already raised in this request, or None."""
    fallback = FALLBACKS[name]
    engine = functools.partial(original, store, *args, **kwargs)
    for _ in range(ROUNDS):
        keep = False
        if failure is not None:
            if isinstance(failure, SessionUnavailable):
                raise failure
            if name == "save":
                rescue.forget_gone_row(store, failure)
            decision = rescue.consult(store.model, failure, engine)
            failure = decision.error
            if decision.done:
                return decision.result
            mode = decision.mode
            keep = decision.keep and name == "save"
            if not keep and mode not in (page.SKIP_SAVE, page.CACHE, page.DRAIN):
                raise failure
        result = fallback(store, engine, mode, failure is not None, keep, *args, **kwargs)
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
            if name == "save":
                loaded.forget(store)
            if name == "load" and store.session_key is not None:
                loaded.remember(store, result, loaded.row_of(store))
            return result
    raise failure


def watched(original):
    """`original`, cut off when it takes too long."""

    @functools.wraps(original)
    def operation(self, *args, **kwargs):
        known = runtime.current()
        if known is None:
            return original(self, *args, **kwargs)
        with deadline.Watch(rescue.connections_of(self.model), known):
            return original(self, *args, **kwargs)

    return operation


def watched_save(original):
    watching = watched(original)

    @functools.wraps(original)
    def save(self, must_create=False):
        # Without a key it only calls create(), which saves through us again.
        return (original if self.session_key is None else watching)(self, must_create)

    return save


def row_reader(original):
    watching = watched(original)

    @functools.wraps(original)
    def _get_session_from_db(self):
        return loading.row_from_db(self, watching)

    return _get_session_from_db
