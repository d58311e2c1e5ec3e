"""One page for each thing a user can do to a session. Each answer says whose session it is and what it holds."""
from django.contrib import auth
from django.http import HttpResponseForbidden, JsonResponse

from ledger.state import state_of


def _answer(request):
    session = request.session
    return JsonResponse({"user": session.get(auth.SESSION_KEY), "state": state_of(session)})


def read(request):
    return _answer(request)


def user(request):
    """Needs the user's row as well, as nearly every page behind a login does."""
    request.user.get_username()
    return _answer(request)


def plain(request):
    request.session["plain:" + request.POST["name"]] = int(request.POST["value"])
    return _answer(request)


def nested(request):
    """A change that Django does not notice: `modified` stays False, and only save-every stores it."""
    session = request.session
    if "outer" not in session:
        session["outer"] = {"inner": {}}
    session["outer"]["inner"][request.POST["name"]] = int(request.POST["value"])
    return _answer(request)


def append(request):
    """The same with a list, whose length would tell a change that was applied twice."""
    session = request.session
    if "log" not in session:
        session["log"] = []
    session["log"].append(int(request.POST["value"]))
    return _answer(request)


def expiry(request):
    request.session.set_expiry(int(request.POST["value"]))
    return _answer(request)


def cycle(request):
    request.session.cycle_key()
    return _answer(request)


def login(request):
    found = auth.authenticate(request, username=request.POST["name"], password=request.POST["password"])
    if found is None:
        return HttpResponseForbidden()
    auth.login(request, found)
    return _answer(request)


def logout(request):
    """Django's own, which reads the user's row first."""
    auth.logout(request)
    return _answer(request)


def flush(request):
    """A logout that needs no other table."""
    request.session.flush()
    return _answer(request)


ALL = (read, user, plain, nested, append, expiry, cycle, login, logout, flush)
