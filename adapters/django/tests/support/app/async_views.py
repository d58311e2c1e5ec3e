"""The same pages as asynchronous views: with the session's own a-methods where Django has them (5.1 and later)."""

from asgiref.sync import sync_to_async
from django.contrib import auth
from django.http import HttpResponse, JsonResponse
from django.urls import path


def either(owner, name):
    """The asynchronous twin of a function or method, or the way one took before there were any."""
    own = getattr(owner, "a" + name, None)
    return own or sync_to_async(getattr(owner, name))


async def read(request):
    get = either(request.session, "get")
    return JsonResponse({"n": await get("n"), "items": await get("items")})


async def write(request):
    if hasattr(request.session, "aset"):
        await request.session.aset("n", request.GET["n"])
    else:
        await sync_to_async(request.session.__setitem__)("n", request.GET["n"])
    return HttpResponse("written")


async def explicit(request):
    await write(request)
    await either(request.session, "save")()
    return HttpResponse("saved")


async def items(request):
    await either(request.session, "update")({"items": []})
    return HttpResponse("none yet")


async def nested(request):
    (await either(request.session, "get")("items")).append(request.GET["n"])
    return HttpResponse("appended")


async def expiry(request):
    await either(request.session, "set_expiry")(int(request.GET["n"]))
    return HttpResponse("expiry set")


async def user(request):
    if hasattr(request, "auser"):
        account = await request.auser()
    else:
        account = await sync_to_async(auth.get_user)(request)
    return HttpResponse(account.get_username() or "anonymous")


async def log_in(request):
    account = await either(auth, "authenticate")(request, username="ada", password="secret")
    await either(auth, "login")(request, account)
    return HttpResponse(request.session.session_key)


async def log_out(request):
    await either(auth, "logout")(request)
    return HttpResponse("bye")


async def flush(request):
    await either(request.session, "flush")()
    return HttpResponse("bye")


urlpatterns = [
    path("read", read),
    path("write", write),
    path("explicit", explicit),
    path("items", items),
    path("nested", nested),
    path("expiry", expiry),
    path("user", user),
    path("login", log_in),
    path("logout", log_out),
    path("flush", flush),
]
