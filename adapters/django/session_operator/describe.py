"""The body of hello: what Django already knows of its database, its session table and its cache."""

import datetime
import importlib
import os

import session_operator


def hello(store_class):
    """Everything the sidecar needs to stand in for the engine. Contains the database password: for the pod's socket only.

    `store_class` is used if SESSION_ENGINE names no store with a table.
    """
    import django
    from django.db import connections, router

    store_class = served_class(store_class)
    model = store_class.get_model_class()
    return {
        "api": 1,
        "framework": "django",
        "frameworkVersion": django.get_version(),
        "adapterVersion": session_operator.__version__,
        "pid": os.getpid(),
        "engine": "cached_db" if hasattr(store_class, "cache_key_prefix") else "db",
        "database": _database(connections[router.db_for_write(model)]),
        "store": _store(model),
        "cache": _cache(),
    }


def served_class(store_class):
    """The store that the sidecar is told of: SESSION_ENGINE's, or `store_class` if that one has no table."""
    from django.conf import settings

    engine = importlib.import_module(settings.SESSION_ENGINE).SessionStore
    return engine if hasattr(engine, "get_model_class") else store_class


def _database(connection):
    settings = connection.settings_dict
    port = {"postgresql": 5432, "mysql": 3306}.get(connection.vendor)
    host = {"postgresql": "/var/run/postgresql", "mysql": "localhost"}.get(connection.vendor, "")
    host, port = settings.get("HOST") or host, settings.get("PORT") or port
    if "," in "%s%s" % (host, port):
        host, port = _several(host, port), None
    return {
        "kind": connection.vendor,
        "host": host,
        "port": int(port) if port else None,
        "name": str(settings.get("NAME") or ""),
        "user": settings.get("USER") or "",
        "password": settings.get("PASSWORD") or "",
        "options": _plain(settings.get("OPTIONS")),
    }


def _several(host, port):
    """libpq's lists of hosts and ports (one port stands for all) as one of host:port."""
    hosts, ports = str(host).split(","), str(port).split(",")
    if len(ports) < len(hosts):
        ports = ports[:1] * len(hosts)
    return ",".join("%s:%s" % (one.strip(), at.strip() or 5432) for one, at in zip(hosts, ports))


def _store(model):
    from session_operator import columns, records

    meta = model._meta
    past = datetime.datetime(1971, 1, 1, tzinfo=datetime.timezone.utc)
    sentinel = model(session_data="", expire_date=columns.from_json(meta.get_field("expire_date"), past))
    return {
        "table": meta.db_table,
        "keyColumn": meta.pk.column,
        "dataColumn": meta.get_field("session_data").column,
        "expiryColumn": meta.get_field("expire_date").column,
        "sentinel": records.row(sentinel, create=True),
    }


def _cache():
    from django.conf import settings
    from django.core.cache import caches

    cache = caches[settings.SESSION_CACHE_ALIAS]
    kind = _cache_kind(cache)
    described = {"kind": kind, "servers": [], "keyPrefix": str(cache.key_prefix), "options": {}}
    if kind not in ("memcached", "redis"):
        return described
    configured = settings.CACHES[settings.SESSION_CACHE_ALIAS]
    servers = configured.get("LOCATION") or []
    if isinstance(servers, str):
        servers = servers.replace(",", ";").split(";")
    described["servers"] = [str(server).strip() for server in servers if str(server).strip()]
    described["options"] = _plain(configured.get("OPTIONS"))
    return described


def _cache_kind(cache):
    """By the names of its classes, so that subclasses and third-party clients count too."""
    names = {"%s.%s" % (kind.__module__, kind.__name__) for kind in type(cache).__mro__}
    if "django.core.cache.backends.memcached.BaseMemcachedCache" in names:
        return "memcached"
    if names & {"django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache"}:
        return "redis"
    for own in ("locmem.LocMemCache", "dummy.DummyCache", "filebased.FileBasedCache"):
        if "django.core.cache.backends." + own in names:
            return "none"
    return type(cache).__name__


def _plain(options):
    """The options as JSON carries them; what it cannot carry goes as its text, a class as its dotted name."""
    return {str(name): _value(value) for name, value in (options or {}).items()}


def _value(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(part) for part in value]
    if isinstance(value, type) or callable(value):
        return "%s.%s" % (getattr(value, "__module__", ""), getattr(value, "__qualname__", type(value).__name__))
    return str(value)
