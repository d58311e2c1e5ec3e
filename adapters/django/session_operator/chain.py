"""Runs the sitecustomize or usercustomize that ours hides. Written so that any Python 3 can at least parse it."""

import importlib
import os
import sys


def run(name, file):
    """Import the next module called `name` on the path, as if the one at `file` were not there.

    What that module raises is raised here, so that `site` reports it exactly as without us.
    """
    here = os.path.dirname(os.path.realpath(file))
    ours = [(index, entry) for index, entry in enumerate(sys.path) if os.path.realpath(entry) == here]
    module = sys.modules.pop(name, None)
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != here]
    try:
        importlib.import_module(name)
    except ImportError as error:
        if error.name != name:
            raise
    finally:
        # Entries the other one added stay; only ours are put back.
        for index, entry in ours:
            sys.path.insert(index, entry)
        if module is not None:
            sys.modules.setdefault(name, module)
