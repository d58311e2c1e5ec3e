"""The custom session model under Django's cached_db."""

from django.contrib.sessions.backends import cached_db

from support.app.custom import Account


class SessionStore(Account, cached_db.SessionStore):
    cache_key_prefix = "custom.cached_db"
