"""The seed's settings: cached_db, and the session saved on every request."""

import json
import os

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "support.app.views"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("TEST_PG_PORT", "1"),
        "NAME": "postgres",
        "USER": "app",
        "PASSWORD": "not checked",
        "CONN_MAX_AGE": 600,
    }
}
if os.environ.get("TEST_MARIADB_PORT"):
    DATABASES["default"].update(
        ENGINE="django.db.backends.mysql", PORT=os.environ["TEST_MARIADB_PORT"], NAME="app", PASSWORD="secret"
    )
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": "127.0.0.1:" + os.environ.get("TEST_MEMCACHED_PORT", "1"),
        # The client would give a server up for a minute after one error.
        "OPTIONS": {"ignore_exc": False, "dead_timeout": 0, "retry_attempts": 0, "retry_timeout": 0},
    }
}
if os.environ.get("TEST_CACHES"):
    CACHES = json.loads(os.environ["TEST_CACHES"])
SESSION_CACHE_ALIAS = os.environ.get("TEST_CACHE_ALIAS", "default")
SESSION_ENGINE = os.environ.get("TEST_ENGINE", "django.contrib.sessions.backends.cached_db")
SESSION_SAVE_EVERY_REQUEST = True
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING_CONFIG = None
