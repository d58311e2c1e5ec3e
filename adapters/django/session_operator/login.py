"""update_last_login: a login while the database is read-only defers that one column instead of failing."""

import functools

from django.db import connections, router
from django.utils import timezone

from session_operator import columns, deadline, page, rescue, runtime
from session_operator.errors import NoAnswer


def install(module):
    """Patch django.contrib.auth.models before AuthConfig.ready connects the receiver, or replace it after."""
    original = module.update_last_login
    if getattr(original, "session_operator", False):
        return

    @functools.wraps(original)
    def update_last_login(sender, user, **kwargs):
        engine = functools.partial(original, sender, user, **kwargs)
        known = runtime.current()
        # The session came first, so a page that is there has been found by now.
        if known is None or not _same_database(user):
            return engine()
        mode = known.words[1] & page.MODE_MASK
        if mode != page.NORMAL and _deferred(user):
            return None
        used = [connections[router.db_for_write(type(user), instance=user)]]
        try:
            with deadline.Watch(used, known, normal=mode == page.NORMAL):
                return engine()
        except Exception as error:
            failure = error
        decision = rescue.consult(type(user), failure, engine)
        if decision.done:
            return decision.result
        if decision.mode not in (page.SKIP_SAVE, page.CACHE, page.DRAIN) or not _deferred(user):
            raise decision.error
        return None

    update_last_login.session_operator = True
    module.update_last_login = update_last_login

    from django.contrib.auth.signals import user_logged_in

    if user_logged_in.disconnect(dispatch_uid="update_last_login"):
        user_logged_in.connect(update_last_login, dispatch_uid="update_last_login")


def _same_database(user):
    """Whether the user's row is in the database that holds the sessions: the sidecar knows only that one."""
    model = runtime.session_model()
    return model is not None and router.db_for_write(type(user), instance=user) == router.db_for_write(model)


def _deferred(user):
    """Hand the new last_login to the sidecar; false if it did not take it."""
    field = user._meta.get_field("last_login")
    table = field.model._meta
    now = timezone.now()
    connection = connections[router.db_for_write(type(user), instance=user)]
    request = {
        "table": table.db_table,
        "keyColumn": table.pk.column,
        "key": columns.to_json(table.pk, user.pk, connection),
        "columns": {field.column: columns.to_json(field, now, connection)},
    }
    try:
        if runtime.ask("/v1/row", request).get("status") != "kept":
            return False
    except NoAnswer:
        return False
    user.last_login = now
    return True
