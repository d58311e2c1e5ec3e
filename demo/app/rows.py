"""Prints what the database holds, as JSON, read with the app's own settings: the ground truth of the judge."""
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")


def main():
    import django

    django.setup()
    from django.contrib.auth import SESSION_KEY, get_user_model
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from shop.state import state_of

    now, sessions = timezone.now(), {}
    for row in Session.objects.all():
        if row.expire_date > now:  # the prober's row is expired, and is nobody's session
            data = row.get_decoded()
            sessions[row.session_key] = {
                "user": data.get(SESSION_KEY), "state": state_of(data), "expires": row.expire_date.timestamp()}
    users = {
        str(found.pk): found.last_login.timestamp() if found.last_login else None
        for found in get_user_model().objects.all()}
    json.dump({"sessions": sessions, "lastLogins": users}, sys.stdout)


main()
