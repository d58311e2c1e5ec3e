"""What one app process knows: its mode page, and two threads that keep it current.

The threads start with the first session operation of each process id, never at import: servers fork after importing.
"""

import logging
import os

from django.db import router

from session_operator import client, connected, deadline, describe, errors, native, page, reports
from session_operator.glance import glance

logger = logging.getLogger("session_operator")

LOOK = 1.0  # seconds between looks at the page's file

_pid = None
_path = None  # of the page's file, once this process id has begun: to put it together costs more than to look there
_store_class = None
_announced = None  # the page instance that knows us
_served = None  # database alias and table of the sessions that it was told of
_foreign = None  # the page instance that serves another app
_undescribed = False
_starting = native.allocate_lock()


def _after_fork():
    global _starting, _pid
    _starting = native.allocate_lock()
    glance.unlock()
    glance.obey(None)  # the child has none of the threads: its first session operation begins anew
    _pid = None


os.register_at_fork(after_in_child=_after_fork)


def directory():
    """The runtime directory that app and sidecar share."""
    return os.environ.get("SESSION_OPERATOR_DIR") or "/run/session-operator"


def _page_path():
    return os.path.join(directory(), "mode")


def word(store):
    """The page's word of mode, flags and ramp for an operation of `store`; None if we are not to interfere."""
    return word_for(type(store))


def word_for(store_class):
    """As word(), for an operation of the class itself."""
    if _pid is None:
        begin(store_class)
    words = glance.words
    return None if words is None else words[1]


def current():
    """The page in force, or None."""
    return glance.page if glance.words is not None else None


def session_model():
    """The model of the sessions this process works on, or None before the first operation."""
    return None if _store_class is None else _store_class.get_model_class()


def serves(store_class):
    """Whether the sidecar keeps this store's sessions: those of one table. A second store beside it stays as Django has it."""
    served = _served or _table(describe.served_class(_store_class))
    return _table(store_class) == served


def served_alias():
    """The name in DATABASES of the database that holds the sessions; None until the sidecar was told."""
    return None if _served is None else _served[0]


def _table(store_class):
    model = store_class.get_model_class()
    return router.db_for_write(model), model._meta.db_table


def alive():
    """Whether the sidecar is there to be asked."""
    known = current()
    return known is not None and known.alive()


def _alive_soon():
    """As alive(), but a machine that stood still as a whole gets five milliseconds to run the sidecar as well."""
    ends = native.monotonic() + 0.005
    while not alive():
        if native.monotonic() > ends:
            return False
        native.sleep(0.001)
    return True


def ask(path, body):
    """POST `body` to the sidecar and return its answer; raises NoAnswer or SidecarGone within two seconds."""
    if _pid != os.getpid() and _store_class is not None:
        begin(_store_class)  # a server that forks without telling Python
    if not _alive_soon():
        raise errors.SidecarGone("no heartbeat")
    ends = native.monotonic() + client.LONGEST
    try:
        return client.post(directory(), path, body, alive, ends)
    except client.Refusal as refusal:
        if refusal.code == "hello_expected":
            announce(ends)
            return client.post(directory(), path, body, alive, ends)
        if refusal.code == "other_store":
            _stand_aside()
            raise errors.SidecarGone("the sidecar serves another app") from refusal
        raise


def announce(ends=None):
    """Say hello: which app, database, session table and cache this process uses."""
    global _announced, _served
    known = current()
    if known is None or _store_class is None:
        return
    instance = known.instance
    body = _describe()
    _served = _table(describe.served_class(_store_class))
    try:
        answer = client.post(directory(), "/v1/hello", body, alive, ends or native.monotonic() + client.LONGEST)
    except client.Refusal as refusal:
        if refusal.code != "other_store":
            raise
        _stand_aside()
        return
    _announced = instance
    if answer.get("limit"):
        logger.warning("fallback is only %s: %s", answer.get("fallback"), answer["limit"])


def _describe():
    global _undescribed
    try:
        return describe.hello(_store_class)
    except Exception as error:
        if not _undescribed:
            logger.exception("this app's sessions cannot be described to the sidecar")
        _undescribed = True
        raise errors.NoAnswer("this app cannot be described") from error


def _stand_aside():
    """This sidecar keeps another app's session table: stay stock until another sidecar starts."""
    global _foreign
    known = glance.page
    if known is None:
        return
    _foreign = known.instance
    glance.obey(None)
    logger.error(
        "another app with another session table announced itself in this pod first; "
        "this app's sessions stay as stock Django keeps them. Give each app its own pod or runtime directory."
    )


def begin(store_class):
    """First session operation of this process id: map the page, start the threads."""
    global _pid, _store_class, _announced, _served, _path
    with _starting:
        if _pid == os.getpid():
            return
        connected.reset()
        deadline.reset()
        client.reset()
        reports.reset()
        _announced = _served = None
        _store_class = store_class
        _path = _page_path()
        look()
        _pid = os.getpid()
        try:
            native.start_new_thread(_run, (_watch,))
            native.start_new_thread(_run, (_keep_current,))
        except RuntimeError as error:
            logger.error("no thread can be started, so session calls have no deadline: %s", error)


def _run(step):
    """Take `step` for ever; it returns the seconds until it wants to be taken again."""
    failed = False
    while True:
        try:
            pause = step()
            failed = False
        except Exception:
            if not failed:  # once, not every second
                logger.exception("a background step of the adapter failed")
            failed = True
            pause = deadline.IDLE
        native.sleep(pause)


def _watch():
    words = glance.words
    return deadline.IDLE if words is None else deadline.cut_overdue(words[1])


def _keep_current():
    connected.renew()
    look()
    known = current()
    if known is not None and known.instance != _announced and known.alive():
        try:
            announce()
        except errors.NoAnswer as error:
            logger.debug("no answer to hello yet: %s", error)
    return LOOK


def look():
    """Map the page if it appeared or was replaced, drop it if it was removed or is not one we understand."""
    global _foreign
    path = _path or _page_path()
    known = glance.page
    if known is None or page.identify(path) != known.identity:
        known = page.open_page(path)
    if known is None or not known.valid():
        glance.obey(None)
        glance.page = None
        return
    if _foreign is not None and known.instance != _foreign:
        _foreign = None
    if known is not glance.page:
        glance.page = known
        connected.renew()
    # Before the first operation nobody watches: it has to find nothing here, and begin.
    glance.obey(known if _foreign is None and _store_class is not None else None)
