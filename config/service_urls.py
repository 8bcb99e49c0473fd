"""One URL for a service, in the form each library wants."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.connection import parse_url

# A process that is stopped in the middle of a transaction must not hold its rows for ever. And a prepared statement is
# planned once: the engine's have one good plan, whatever their values.
SESSION = "-c idle_in_transaction_session_timeout=10s -c plan_cache_mode=force_generic_plan"


def django_database(url: str) -> dict[str, Any]:
    """`postgresql://user:password@host:port/name?sslmode=…`; a socket folder goes in `?host=`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,  # a restarted Postgres costs a connection, not a request
        "OPTIONS": options
        | {
            "pool": {"min_size": 0, "max_size": 16, "timeout": 30},
            # The engine's own statements are planned once a connection.
            "prepare_threshold": 2,
            "options": f"{options.get('options', '')} {SESSION}".strip(),
        },
    }


def celery_broker(redis_url: str) -> str:
    """Kombu spells a Redis Unix socket `redis+socket://path?virtual_host=db`."""
    if not redis_url.startswith("unix://"):
        return redis_url
    options = parse_url(redis_url)  # type: ignore[no-untyped-call]
    return f"redis+socket://{options['path']}?virtual_host={options.get('db', 0)}"


def redis_options(redis_url: str) -> dict[str, Any]:
    """Keyword arguments for `redis.Redis`."""
    options: dict[str, Any] = dict(parse_url(redis_url))  # type: ignore[no-untyped-call]
    if "path" in options:
        options["unix_socket_path"] = options.pop("path")
    options.pop("connection_class", None)
    if redis_url.startswith("rediss://"):
        options["ssl"] = True
    return options
