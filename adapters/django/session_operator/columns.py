"""Column values between Django's fields and the sidecar's JSON: in a form that the database's own text input takes, and back."""

import base64
import datetime
import decimal
import json
import uuid

from django.conf import settings
from django.db.models import DurationField, JSONField
from django.utils import timezone
from django.utils.duration import duration_iso_string


def moment(value):
    """A datetime as ISO 8601 in UTC; a naive one is local time, as Django has it with USE_TZ off."""
    if timezone.is_naive(value):
        value = timezone.make_aware(value, timezone.get_default_timezone())
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_json(field, value, connection):
    """What `field` writes for `value` into its column on `connection`."""
    if isinstance(field, JSONField):
        return None if value is None else json.dumps(value, cls=field.encoder)
    value = field.get_prep_value(value)
    if isinstance(value, datetime.datetime):
        if connection.vendor == "mysql":  # its text input knows no time zone
            return str(connection.ops.adapt_datetimefield_value(value))
        return moment(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    # By its vendor: some of a connection's features are found out by asking the server, which may be away.
    native = connection.vendor == "postgresql"
    if isinstance(value, uuid.UUID):
        return str(value) if native else value.hex  # MariaDB's own type takes this as well
    if isinstance(value, datetime.timedelta):
        return duration_iso_string(value) if native else value // datetime.timedelta(microseconds=1)
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value)


def from_json(field, value):
    """The value of `field` that to_json() gave."""
    if isinstance(value, dict) and set(value) == {"base64"}:
        value = base64.b64decode(value["base64"])
    if isinstance(field, JSONField):
        return None if value is None else json.loads(value, cls=field.decoder)
    if isinstance(field, DurationField) and isinstance(value, int):
        return datetime.timedelta(microseconds=value)
    value = field.to_python(value)
    if isinstance(value, datetime.datetime):
        if settings.USE_TZ and timezone.is_naive(value):
            return timezone.make_aware(value, datetime.timezone.utc)
        if not settings.USE_TZ and timezone.is_aware(value):
            return timezone.make_naive(value, timezone.get_default_timezone())
    return value
