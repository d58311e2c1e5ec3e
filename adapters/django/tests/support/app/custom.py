"""SESSION_ENGINEs as django-qsessions and django-user-sessions are: more columns, and their own cache in front of the db store."""

import datetime
import decimal
import uuid

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.cache import caches
from django.db import models


class CustomSession(AbstractBaseSession):
    account = models.IntegerField(null=True, db_column="account_no")
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, null=True)
    updated_at = models.DateTimeField(auto_now=True)
    token = models.BinaryField(default=b"\x00\xff")
    device = models.UUIDField(null=True)
    share = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    since = models.DateField(null=True)
    trusted = models.BooleanField(default=False)
    idle = models.DurationField(null=True)
    extra = models.JSONField(null=True)
    note = models.CharField(max_length=50, default="'\"\\ \u00fc%s$1")

    class Meta:
        app_label = "sessions"
        db_table = "custom_session"

    @classmethod
    def get_session_store_class(cls):
        return SessionStore


class Account:
    """Mixed into a store: columns that follow the account which the session holds."""

    account = extra = created_at = None

    @classmethod
    def get_model_class(cls):
        return CustomSession

    def create_model_instance(self, data):
        instance = super().create_model_instance(data)
        instance.account = data.get("account")
        instance.created_at = self.created_at
        if instance.account is not None:
            number = int(instance.account)
            instance.device = uuid.UUID(int=number)
            instance.share = decimal.Decimal(number) / 8
            instance.since = datetime.date(2026, 1, number)
            instance.trusted = True
            instance.idle = datetime.timedelta(days=number, microseconds=1500)
            instance.extra = {"account": number, "tags": ["a", None, "\u00fc"]}
        return instance

    def _get_session_from_db(self):
        row = super()._get_session_from_db()
        if row:
            self.account, self.extra, self.created_at = row.account, row.extra, row.created_at
        return row


class SessionStore(Account, db.SessionStore):
    cache_key_prefix = "custom.cached"

    def __init__(self, session_key=None, address=None):
        self._cache = caches["default"]
        self.address = address
        super().__init__(session_key)

    @property
    def cache_key(self):
        return self.cache_key_prefix + self._get_or_create_session_key()

    def create_model_instance(self, data):
        instance = super().create_model_instance(data)
        instance.address = self.address
        return instance

    def _get_session_from_db(self):
        row = super()._get_session_from_db()
        if row:
            self.address = row.address
        return row

    def load(self):
        data = self._cache.get(self.cache_key)
        if data is None:
            row = self._get_session_from_db()
            if row:
                data = self.decode(row.session_data)
                self._cache.set(self.cache_key, data, self.get_expiry_age(expiry=row.expire_date))
            else:
                data = {}
        return data

    def save(self, must_create=False):
        super().save(must_create)
        self._cache.set(self.cache_key, self._session, self.get_expiry_age())

    def delete(self, session_key=None):
        super().delete(session_key)
        key = self.session_key if session_key is None else session_key
        if key is not None:
            self._cache.delete(self.cache_key_prefix + key)
