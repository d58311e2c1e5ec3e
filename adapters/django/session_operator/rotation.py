"""get_user under an old secret (SECRET_KEY_FALLBACKS): its new session id waits if it cannot be had now.

Django rotates the id inside a plain GET that only reads `request.user`. Nothing of the request depends on it, so it must not fail over it.
"""

import functools
import inspect

from django.conf import global_settings, settings

WANTED = "_session_operator_rotation"  # on a store, while get_user runs: what deferred() found


def install(module):
    """Patch django.contrib.auth, where it can meet an old secret: from Django 4.1 on."""
    if not hasattr(global_settings, "SECRET_KEY_FALLBACKS"):
        return
    for name in ("get_user", "aget_user"):
        original = getattr(module, name, None)
        if original is not None and not getattr(original, "session_operator", False):
            setattr(module, name, _deferring(original))


def deferred(store):
    """Called when the id of `store`, whole again, could not be rotated; true if the request goes on without."""
    if WANTED not in store.__dict__:
        return False
    store.__dict__[WANTED] = (store.modified, dict(store._session))
    return True


def _deferring(original):
    def begin(request):
        session = getattr(request, "session", None)
        if session is None or not settings.SECRET_KEY_FALLBACKS:
            return None
        session.__dict__[WANTED] = None
        return session

    def end(session):
        if session is None:
            return
        before = session.__dict__.pop(WANTED, None)
        if before is not None:
            # get_user has noted the new hash as if the id were new: the next request shall try again.
            session.modified, data = before
            session._session_cache = data

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def get_user(request):
            session = begin(request)
            try:
                return await original(request)
            finally:
                end(session)

    else:

        @functools.wraps(original)
        def get_user(request):
            session = begin(request)
            try:
                return original(request)
            finally:
                end(session)

    get_user.session_operator = True
    return get_user
