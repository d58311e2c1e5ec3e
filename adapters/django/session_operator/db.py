"""SESSION_ENGINE = "session_operator.db": Django's db engine with the adapter, without the folder on PYTHONPATH.

The class is Django's own, patched in place: its name salts the signature of every stored session.
"""

from session_operator import finder

finder.install()

from django.contrib.sessions.backends.db import SessionStore  # noqa: E402,F401
