"""The usual load and save: called as Django calls them, on the class that most sessions have, in Normal, with nothing in the way.

Each request comes through here, so these functions do nothing that can be left to `otherwise`, which does everything. What Python makes
quick it makes so for each place in the code: so the two have code of their own, with fixed parameters.
"""

import functools
import inspect

from session_operator import loaded, saving
from session_operator.glance import glance
from session_operator.loaded import NAME as REMEMBERED
from session_operator.page import NORMAL, PLAIN, PLAIN_MASK


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
        words = glance.words
        if words is None or words[1] & PLAIN_MASK != PLAIN or glance.reports:
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
            usual = type(self)
        words = glance.words
        if words is None or words[1] & PLAIN_MASK != PLAIN or glance.reports:
            return otherwise(self, must_create)
        new = self.session_key is None  # create() saves through us, and what came of that is told by then
        try:
            result = original(self, must_create)
        except Exception as error:
            failure = error
        else:
            if not new:
                if getattr(self, REMEMBERED, None) is not None:
                    loaded.forget(self)
                if words[1] & PLAIN_MASK != PLAIN:
                    saving.tell(self)
            return result
        return operate(self, "save", original, (must_create,), {}, NORMAL, failure)

    return save


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
