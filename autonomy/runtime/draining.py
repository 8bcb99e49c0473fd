"""A worker that was told to stop: its processes take no new job, and give back what they cannot finish soon."""

from __future__ import annotations

import multiprocessing
import time

# Made before the worker forks its processes, so that all of them see what its parent is told. 0: not told.
_since = multiprocessing.get_context("fork").Value("d", 0.0)


def begin() -> None:
    _since.value = time.monotonic()


def seconds() -> float | None:
    """For how long this worker has been stopping; None while it is not."""
    since: float = _since.value
    return time.monotonic() - since if since else None
