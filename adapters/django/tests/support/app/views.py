"""Pages that use the session in every way that matters."""

import datetime
import secrets
import time

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from django.utils import timezone


def plain(request):
    return HttpResponse("plain")


def clock(request):
    return HttpResponse(repr(time.time()))


def read(request):
    return JsonResponse({"n": request.session.get("n"), "items": request.session.get("items")})


def write(request):
    request.session["n"] = request.GET["n"]
    return HttpResponse("written")


def items(request):
    request.session["items"] = []
    return HttpResponse("none yet")


def nested(request):
    request.session["items"].append(request.GET["n"])  # `modified` stays False
    return HttpResponse("appended")


def explicit(request):
    request.session["n"] = request.GET["n"]
    request.session.save()
    return HttpResponse("saved")


def expiry(request):
    request.session.set_expiry(int(request.GET["n"]))
    return HttpResponse("expiry set")


FORMS = {
    "int": lambda: 90 * 86400,
    "datetime": lambda: timezone.now() + datetime.timedelta(days=90),
    "timedelta": lambda: datetime.timedelta(days=90),
    "0": lambda: 0,
    "none": lambda: None,
}


def expires(request):
    """set_expiry in each form it takes."""
    request.session.set_expiry(FORMS[request.GET["form"]]())
    return HttpResponse("expiry set")


def expiring(request):
    return JsonResponse({"age": request.session.get_expiry_age(), "close": request.session.get_expire_at_browser_close()})


def say(request):
    padding = secrets.token_hex(int(request.GET.get("padding", 0)))  # that no compression makes small
    messages.info(request, request.GET["n"] + padding)
    return HttpResponse("noted")


def said(request):
    return JsonResponse({"messages": [str(message) for message in messages.get_messages(request)]})


def form(request):
    """Answers a POST only if its token is the session's; a GET says which that is."""
    return HttpResponse(get_token(request))


def account(request):
    """What a custom store keeps in columns of its own."""
    if "n" in request.GET:
        request.session["account"] = int(request.GET["n"])
    return JsonResponse({"loaded": request.session.get("account"), "account": request.session.account, "extra": request.session.extra})


def user(request):
    return HttpResponse(request.user.get_username() or "anonymous")


def log_in(request):
    account = authenticate(request, username="ada", password="secret")
    login(request, account)
    return HttpResponse(request.session.session_key)


def log_out(request):
    logout(request)
    return HttpResponse("bye")


def flush(request):
    request.session.flush()
    return HttpResponse("bye")


def in_transaction(request):
    with transaction.atomic():
        request.session["n"] = "in transaction"
        request.session.save()
    return HttpResponse("committed")


urlpatterns = [
    path("async/", include("support.app.async_views")),
    path("plain", plain),
    path("clock", clock),
    path("read", read),
    path("write", write),
    path("items", items),
    path("nested", nested),
    path("explicit", explicit),
    path("expiry", expiry),
    path("expires", expires),
    path("expiring", expiring),
    path("say", say),
    path("said", said),
    path("form", form),
    path("account", account),
    path("user", user),
    path("login", log_in),
    path("logout", log_out),
    path("flush", flush),
    path("in_transaction", in_transaction),
]
