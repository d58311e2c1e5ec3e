"""Patches Django's session stores in place: the classes, their names, keys and order of inheritance stay the user's.

In Normal each operation is one look at the page and the engine's own method.
"""

import functools

from session_operator import (
    cleaning,
    composites,
    deadline,
    loaded,
    loading,
    page,
    presence,
    removing,
    reports,
    runtime,
    saving,
    usual,
)
from session_operator.connected import connections_of
from session_operator.glance import glance
from session_operator.native import monotonic
from session_operator.operation import BESIDES, FALLBACKS, operate
from session_operator.page import PLAIN, PLAIN_MASK

ROUTED = set()  # every method made by routed()


def install(module):
    """Patch the SessionStore of django.contrib.sessions.backends.db, and with it all that inherit from it."""
    store = module.SessionStore
    if store.save in ROUTED:
        return
    patches = {
        "load": routed("load", store.load),
        "save": routed_and_watched_save(store.save),
        "delete": routed("delete", watched(store.delete)),
        "exists": routed("exists", watched(store.exists)),
        "_get_session_from_db": row_reader(store._get_session_from_db),
        "create": composites.create(store.create),
        "cycle_key": composites.cycle_key(store.cycle_key),
        "flush": composites.flush(store.flush),
        "__init_subclass__": _subclass_extender(store),
    }
    patches.update(composites.asynchronous(store))
    for name, method in patches.items():
        setattr(store, name, method)
    loaded.install(store)
    cleaning.extend(store)
    for subclass in _subclasses(store):
        extend(subclass)
    presence.tell()


def extend(subclass):
    """Route a subclass's own methods; what it inherits from us is routed already."""
    for name in FALLBACKS:
        method = getattr(subclass, name)
        if method not in ROUTED:
            setattr(subclass, name, routed(name, method))
    for name in ("create", "cycle_key", "flush"):
        method = getattr(subclass, name)
        if method not in composites.WHOLE:
            setattr(subclass, name, getattr(composites, name)(method))
    for name, method in composites.asynchronous(subclass).items():
        setattr(subclass, name, method)
    cleaning.extend(subclass)


def _subclass_extender(store):
    def __init_subclass__(cls, **arguments):
        super(store, cls).__init_subclass__(**arguments)
        extend(cls)

    return classmethod(__init_subclass__)


def _subclasses(store):
    for subclass in store.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def routed(name, original, first=None):
    """`original`, with the mode obeyed and its failures rescued, if it is the outermost method of that name.

    first: tells of a class whether this is the first routed method that a call on it meets; found out here if not given.
    """
    saves, deletes = name == "save", name == "delete"
    first = first or _once_a_class(lambda kind: _first_routed(kind, name) is method)

    @functools.wraps(original)
    def operation(self, *args, **kwargs):
        if not first(type(self)):
            return original(self, *args, **kwargs)
        if glance.reports:
            reports.wait(runtime.alive)
        word = runtime.word(self)
        if word is None:
            return original(self, *args, **kwargs)
        if word & PLAIN_MASK != PLAIN:
            return operate(self, name, original, args, kwargs, word & page.MODE_MASK, None)
        new = saves and self.session_key is None  # create() saves through us, and what came of that is told by then
        try:
            result = original(self, *args, **kwargs)
        except Exception as error:
            failure = error
        else:
            if saves and not new:
                loaded.forget(self)
                saving.tell(self)
            if deletes:
                removing.ended(self, *args, **kwargs)
            return result
        return operate(self, name, original, args, kwargs, page.NORMAL, failure)

    method = usual.quickened(name, original, first, operation, operate)
    ROUTED.add(method)
    return method


def _once_a_class(question):
    """`question`, a function of a class, asked once for each."""
    answers = {}

    def answer(kind):
        known = answers.get(kind)
        if known is None:
            known = answers[kind] = question(kind)
        return known

    return answer


def _first_routed(kind, name):
    for ancestor in kind.__mro__:
        method = ancestor.__dict__.get(name)
        while method is not None and method not in ROUTED:  # others may have wrapped it since
            method = getattr(method, "__wrapped__", None)
        if method is not None:
            return method
    return None


def watched(original):
    """`original`, cut off when it takes too long."""

    @functools.wraps(original)
    def operation(self, *args, **kwargs):
        known = runtime.current()
        if known is None:
            return original(self, *args, **kwargs)
        # A flip since the operation was decided on is one that it must not hang on.
        normal = None if getattr(self, BESIDES, False) else True
        with deadline.Watch(connections_of(self.model), known, normal=normal):
            return original(self, *args, **kwargs)

    return operation


def routed_and_watched_save(original):
    """The save that writes the row, routed and cut off when it takes too long: each request passes here.

    Most often it is called by another routed save (that of cached_db), in Normal, on the thread's one connection: that is the short way.
    """
    first = _once_a_class(lambda kind: _first_routed(kind, "save") is save)
    watching = watched_save(original)
    alone = routed("save", watching, lambda kind: True)
    inner = None  # the class that was met last

    @functools.wraps(original)
    def save(self, must_create=False):
        nonlocal inner
        if type(self) is not inner:
            if first(type(self)):
                return alone(self, must_create)
            if not usual.keeps_its_key(type(self)):
                return watching(self, must_create)
            inner = type(self)
        line = glance.own.line
        if (
            line is None
            or not line.ready
            or line.started is not None
            or line.connection.in_atomic_block
            or not glance.plain[0]
            or self._SessionBase__session_key is None
        ):
            return watching(self, must_create)
        line.started = monotonic()
        try:
            result = original(self, must_create)
        except BaseException as error:
            line.started = None
            if line.suspected:
                line.over(error)
            raise
        line.started = None
        if line.suspected:
            line.over(None)
        return result

    ROUTED.discard(alone)
    ROUTED.add(save)
    return save


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
