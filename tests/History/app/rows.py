"""Tells what the database holds whenever a line arrives, as one line of JSON, read with stock Django: the ground truth.

One process for all seeds, because starting Django takes longer than judging one.
"""
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")


def main():
    import django

    django.setup()
    from django.contrib.auth import SESSION_KEY, get_user_model
    from django.contrib.sessions.models import Session
    from django.db import connection
    from django.utils import timezone

    from ledger.state import state_of

    for line in sys.stdin:
        if line == "clear\n":
            Session.objects.all().delete()
        now, sessions = timezone.now(), {}
        for row in Session.objects.all():
            if row.expire_date > now:  # the prober's row is expired, and is nobody's session
                data = row.get_decoded()
                sessions[row.session_key] = {
                    "user": data.get(SESSION_KEY), "state": state_of(data), "expires": row.expire_date.timestamp()}
        logins = {str(user.pk): user.last_login.timestamp() if user.last_login else 0.0
                  for user in get_user_model().objects.all()}
        connection.close()  # the server may be stopped before the next line
        print(json.dumps({"sessions": sessions, "logins": logins}), flush=True)


main()
