"""Turns at a service that wants some seconds between two calls, whichever process makes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

import redis
import structlog
from django.conf import settings

from autonomy.providers.attempt import NotSent

log = structlog.get_logger(__name__)

_lock = threading.Lock()
_free_at: dict[str, float] = {}


def take_turn(service: str, spacing: float, *, within: float, wait: Callable[[float], None]) -> None:
    """Return when this caller may call. `wait` does the waiting, at most `within` seconds in all.

    Workers keep the distance through Redis; while it is away, each process keeps it by itself. Raises NotSent
    when so many wait that the turn comes too late.
    """
    until = time.monotonic() + within
    while spacing and (seconds := _seconds_to_wait(service, spacing)) > 0:
        if time.monotonic() + seconds > until:
            raise NotSent("too many wait for their turn", retry_after=seconds)
        wait(seconds)


def _seconds_to_wait(service: str, spacing: float) -> float:
    """0 where the turn is ours, and taken."""
    key = f"autonomy:search:turn:{service}"
    try:
        if _redis().set(key, 1, nx=True, px=round(spacing * 1000)):
            return 0.0
        left = int(str(_redis().pttl(key)))
    except redis.RedisError as error:
        log.warning("turns_without_redis", error=type(error).__name__)
        return _seconds_here(service, spacing)
    return max(left, 1) / 1000


def _seconds_here(service: str, spacing: float) -> float:
    with _lock:
        now = time.monotonic()
        left = _free_at.get(service, now) - now
        if left <= 0:
            _free_at[service] = now + spacing
            return 0.0
        return left


@cache
def _redis() -> redis.Redis:
    return redis.Redis(**settings.REDIS_OPTIONS)
