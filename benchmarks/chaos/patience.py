"""Doing something again while Postgres is away, as a client would."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connections
from django.db.utils import InterfaceError, OperationalError

T = TypeVar("T")

LONGEST = 120.0
PAUSE = 0.2


def patiently(work: Callable[[], T], on_retry: Callable[[], None] = lambda: None) -> T:
    """What `work` returns. Raises the database's own error when it stays away for two minutes.

    The connection goes back to the pool afterwards, so that a later call never meets one that has died.
    """
    deadline = time.monotonic() + LONGEST
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            on_retry()
            time.sleep(PAUSE)
        finally:
            connections.close_all()
