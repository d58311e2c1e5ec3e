"""503 with Retry-After in place of a 500 (or a misleading 400) when a session cannot be served honestly."""

import functools
import logging

from session_operator.errors import SessionUnavailable
from session_operator.glance import glance

MARK = "_session_operator_unavailable"
RETRY_AFTER = 5  # seconds
TEXT = "Your session cannot be read or saved at the moment, because the database is not available.\n"
WHOLE = "Nothing was changed, and you are still logged in. Please try again in a few seconds.\n"
UNCERTAIN = "It is not known whether your change or your logout came into effect. Please try again in a few seconds.\n"

logger = logging.getLogger("session_operator")


def install(module):
    """Patch django.core.handlers.exception, whose wrappers look the function up at each call."""
    original = module.response_for_exception
    if getattr(original, "session_operator", False):
        return

    @functools.wraps(original)
    def response_for_exception(request, exc):
        if not isinstance(exc, SessionUnavailable):
            return original(request, exc)
        logger.warning("503: %s", exc)
        return unavailable(exc.uncertain)

    response_for_exception.session_operator = True
    module.response_for_exception = response_for_exception


def unavailable(uncertain=False):
    """The response for a session that is not available. uncertain: what was refused may have come into effect."""
    from django.http import HttpResponse

    text = TEXT + (UNCERTAIN if uncertain else WHOLE)
    response = HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(RETRY_AFTER)
    response["Cache-Control"] = "no-store"
    setattr(response, MARK, True)
    glance.refused = True
    return response
