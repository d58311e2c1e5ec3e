"""A program: makes the tables and the user in the database that the environment names."""

import importlib

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

call_command("migrate", verbosity=0)
if not User.objects.exists():
    User.objects.create_user("ada", password="secret")
model = importlib.import_module(settings.SESSION_ENGINE).SessionStore.get_model_class()
if model._meta.db_table not in connection.introspection.table_names():
    with connection.schema_editor() as editor:
        editor.create_model(model)
