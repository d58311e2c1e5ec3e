"""The usual load and save: called as Django calls them, on the class that most sessions have, in Normal, with nothing in the way.

Each request comes through here, so these functions do nothing that can be left to `otherwise`, which does everything. What Python makes
quick it makes so for each place in the code: so the two have code of their own, with fixed parameters.
"""

import functools
import inspect

from django.contrib.sessions.backends.base import SessionBase

from session_operator import loaded, saving
from session_operator.glance import glance
from session_operator.page import NORMAL


def quickened(name, original, first, otherwise, operate):
    """`otherwise`, with a short way for the usual call of `original`; just `otherwise` if there is none for this operation.

    first: tells of a class whether this is the first routed method that a call on it meets.
    """
    if name == "load" and _takes(original, ("self",), None):
        return load(original, first, otherwise, operate)
    if name == "save" and _takes(original, ("self", "must_create"), (False,)):
        return save(original, first, otherwise, operate)
    return otherwise


def load(original, first, otherwise, operate):
    usual = None  # the class that was met last

    @functools.wraps(original)
    def load(self):
        nonlocal usual
        if type(self) is not usual:
            if not first(type(self)):
                return original(self)
            usual = type(self)
        if not glance.plain[0]:
            return otherwise(self)
        try:
            return original(self)
        except Exception as error:
            failure = error
        return operate(self, "load", original, (), {}, NORMAL, failure)

    return load


def save(original, first, otherwise, operate):
    usual = None

    @functools.wraps(original)
    def save(self, must_create=False):
        nonlocal usual
        if type(self) is not usual:
            if not first(type(self)):
                return original(self, must_create)
            if not keeps_its_key(type(self)):
                return otherwise(self, must_create)
            usual = type(self)
        plain = glance.plain
        if not plain[0] or self._SessionBase__session_key is None:
            return otherwise(self, must_create)
        try:
            result = original(self, must_create)
        except Exception as error:
            failure = error
        else:
            if self._session_operator_loaded is not None:  # loaded.NAME
                loaded.forget(self)
            if not plain[0]:
                saving.tell(self)
            return result
        return operate(self, "save", original, (must_create,), {}, NORMAL, failure)

    return save


def keeps_its_key(kind):
    """Whether its session_key is Django's own property, and that no more than the attribute we look at."""
    return (
        kind.session_key is SessionBase.session_key
        and kind._session_key is SessionBase._session_key
        and SessionBase._get_session_key.__code__.co_names == ("_SessionBase__session_key",)
    )


def _takes(function, parameters, defaults):
    """Whether these are all the function's parameters, by these names, and their defaults."""
    code = getattr(function, "__code__", None)
    return (
        code is not None
        and not code.co_kwonlyargcount
        and not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        and code.co_varnames[: code.co_argcount] == parameters
        and function.__defaults__ == defaults
    )
