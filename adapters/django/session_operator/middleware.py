"""SessionMiddleware: a session that nobody can produce, and that the view did not need, leaves the response untouched."""

import functools

from session_operator import removing, responses
from session_operator.errors import SessionUnavailable
from session_operator.glance import glance


def install(module):
    """Patch django.contrib.sessions.middleware."""
    middleware = module.SessionMiddleware
    original = middleware.process_response
    if getattr(original, "session_operator", False):
        return

    @functools.wraps(original)
    def process_response(self, request, response):
        try:
            if glance.refused and getattr(response, responses.MARK, False):
                return response  # our own: nothing was promised, nothing is saved, the cookie stays
            return original(self, request, response)
        except SessionUnavailable as error:
            # Loading happens before anything is written into the response.
            if not error.unreadable or hasattr(request.session, "_session_cache"):
                raise
            return response
        finally:
            if glance.ended:
                removing.request_over(getattr(request, "session", None))

    process_response.session_operator = True
    middleware.process_response = process_response
