"""SESSION_ENGINE = "session_operator.cached_db": Django's cached_db engine with the adapter.

The class is Django's own, patched in place: its name salts the signature, its prefix names the cache entries.
"""

from session_operator import finder

finder.install()

from django.contrib.sessions.backends.cached_db import KEY_PREFIX, SessionStore  # noqa: E402,F401
