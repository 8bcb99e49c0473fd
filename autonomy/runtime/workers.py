"""Which workers live. Each says so every few seconds in one sorted set in Redis, and is forgotten when it is silent.

Nothing depends on it but what people are shown: Redis away costs a worker a moment, and never its work. The clocks of
the machines are expected to agree within a second or two.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

KEY = "autonomy:workers"
ALIVE_SECONDS = 20.0  # a worker that said nothing for so long counts as gone
LEAST_SECONDS = 5.0  # between two times that a worker says it
PATIENCE = 0.5  # seconds for one answer of Redis

_next: dict[str, float] = {}


def seen(name: str) -> None:
    """The worker of this name lives; told on at most every LEAST_SECONDS. Raises nothing because of Redis."""
    now = time.monotonic()
    if now < _next.get(name, 0.0):
        return
    _next[name] = now + LEAST_SECONDS
    try:
        with _client().pipeline(transaction=False) as told:
            told.zadd(KEY, {name: time.time()})
            told.zremrangebyscore(KEY, "-inf", time.time() - ALIVE_SECONDS)
            told.expire(KEY, int(3 * ALIVE_SECONDS))
            told.execute()
    except (redis.RedisError, OSError) as error:
        log.warning("worker_not_told", error=type(error).__name__)


def gone(name: str) -> None:
    """The worker of this name ends, and says so: it need not be missed first."""
    _next.pop(name, None)
    try:
        _client().zrem(KEY, name)
    except (redis.RedisError, OSError) as error:
        log.warning("worker_not_told", error=type(error).__name__)


def alive(within: float = ALIVE_SECONDS) -> list[dict[str, Any]] | None:
    """`[{name, seen}]` of the workers that were seen within so many seconds, by name; None where Redis does not answer.

    `seen`: unix seconds. JSON-able.
    """
    try:
        found: Any = _client().zrangebyscore(KEY, time.time() - within, "+inf", withscores=True)
        pairs = [(name.decode("utf-8", "replace"), at) for name, at in found]
    except (redis.RedisError, OSError) as error:
        log.warning("workers_not_known", error=type(error).__name__)
        return None
    return [{"name": name, "seen": at} for name, at in sorted(pairs)]


@cache
def _client() -> redis.Redis:
    patience = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}
    return redis.Redis(**settings.REDIS_OPTIONS | patience)
