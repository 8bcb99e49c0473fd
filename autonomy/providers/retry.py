"""The one place that retries, and the one file that imports backoff."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import backoff

from autonomy.providers.attempt import AttemptFailed

T = TypeVar("T")

BASE_SECONDS = 0.5
CAP_SECONDS = 30.0


def call(
    attempt: Callable[[], T],
    *,
    attempts: int,
    deadline: float,
    before_retry: Callable[[AttemptFailed, float], None],
) -> T:
    """Call `attempt` until it succeeds, so many times at most; raises the last AttemptFailed.

    Full jitter, capped; a Retry-After of the provider wins over it. `deadline` (monotonic seconds) is looked at
    before a wait: a wait that would end behind it, or is longer than the cap, is not taken. `before_retry` is told
    why the attempt failed and the seconds to wait, and does the waiting.
    """
    failed = 0
    wait = 0.0

    def hopeless(error: Exception) -> bool:
        # backoff asks for the wait only after this: it is chosen here, so that the one judged is the one taken.
        nonlocal failed, wait
        if not isinstance(error, AttemptFailed) or not error.retryable:
            return True
        wait = _wait(error, failed)
        failed += 1
        return is_too_long(wait, deadline)

    retrying = backoff.on_exception(
        backoff.constant,
        AttemptFailed,
        interval=0,
        max_tries=attempts,
        giveup=hopeless,
        jitter=None,  # _wait has it already: a Retry-After must not be shortened by chance
        logger=None,
        on_backoff=lambda details: before_retry(details["exception"], wait),
    )
    return retrying(attempt)()


def is_too_long(wait: float, deadline: float) -> bool:
    """Whether a wait of so many seconds is not taken."""
    return wait > CAP_SECONDS or time.monotonic() + wait >= deadline


def _wait(error: AttemptFailed, exponent: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return random.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2**exponent))  # noqa: S311
