"""The import hook: patches Django's modules right after they are executed. Imports nothing of Django itself."""

import importlib
import sys

from session_operator import native  # noqa: F401  before anybody replaces what it takes

# module of Django -> our module, whose install(module) patches it
HOOKS = {
    "django.contrib.sessions.backends.db": "session_operator.stores",
    "django.contrib.sessions.middleware": "session_operator.middleware",
    "django.core.handlers.exception": "session_operator.responses",
    "django.db.backends.base.base": "session_operator.failfast",
    "django.contrib.auth": "session_operator.rotation",
    "django.contrib.auth.models": "session_operator.login",
}


class Finder:
    """A meta path finder that lets the others find the module and adds a step to its execution."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in HOOKS:
            return None
        for other in sys.meta_path:
            if isinstance(other, Finder) or not hasattr(other, "find_spec"):
                continue
            spec = other.find_spec(fullname, path, target)
            if spec is not None:
                _extend(spec, fullname)
                return spec
        return None


def _extend(spec, fullname):
    # On the loader instance, not around it: resources, source and pickling of the loader stay what they were.
    loader = spec.loader
    try:
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            patch(fullname, module)

        loader.exec_module = exec_module
    except Exception as error:
        _report(fullname, error)


def patch(fullname, module):
    """Patch one executed module of Django; on any error it stays stock and one line says so."""
    try:
        importlib.import_module(HOOKS[fullname]).install(module)
    except Exception as error:
        _report(fullname, error)


def install():
    """Add the finder, once, and patch what was imported before it."""
    if not any(isinstance(other, Finder) for other in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    for fullname in HOOKS:
        module = sys.modules.get(fullname)
        # A module in the middle of its own execution (we run inside one of its imports) is not complete yet.
        if module is not None and not getattr(module.__spec__, "_initializing", False):
            patch(fullname, module)


def _report(fullname, error):
    sys.stderr.write(
        "session_operator: %s stays as it is: %s: %s\n" % (fullname, type(error).__name__, error)
    )
