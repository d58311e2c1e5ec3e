"""For gunicorn --preload: an app that has served a page, with a session from the database, before the workers are forked."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.core.cache import caches  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402

assert Client().get("/write?n=warm").status_code == 200
# What Django itself demands of such an app: workers must not share the master's sockets.
connections.close_all()
for cache in caches.all():
    cache.close()
