"""Pages that differ only in what they need: the session, a change of it, or the user's row.

Every answer says who the session belongs to and what it holds, so that a client can compare that
with what was acknowledged to it before.
"""
from django.contrib import auth
from django.http import HttpResponseForbidden, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from shop.state import state_of


def _answer(session, **more):
    return JsonResponse({"user": session.get(auth.SESSION_KEY), "state": state_of(session), **more})


@require_GET
def light(request):
    """Reads the session and nothing else."""
    return _answer(request.session)


@require_POST
def write(request):
    """Changes the session: a plain assignment, or a change inside a value, which Django does not notice."""
    session, value = request.session, int(request.POST["value"])
    if request.POST["how"] == "top":
        session["counter"] = value
    elif "cart" in session:
        session["cart"]["items"].append(value)  # session.modified stays False: saved only because of save-every
    else:
        session["cart"] = {"items": [value]}
    return _answer(session)


@require_GET
def user(request):
    """Needs the user's row, as nearly every page behind a login does."""
    return _answer(request.session, name=request.user.get_username())


@require_POST
def login(request):
    found = auth.authenticate(request, username=request.POST["name"], password=request.POST["password"])
    if found is None:
        return HttpResponseForbidden()
    auth.login(request, found)
    return _answer(request.session)


@require_POST
def logout(request):
    """Django's own logout, which reads the user's row first."""
    auth.logout(request)
    return _answer(request.session)


@require_POST
def flush(request):
    """A logout that needs no other table."""
    request.session.flush()
    return _answer(request.session)
