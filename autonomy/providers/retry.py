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
    attempt: Callable[[int], T],
    *,
    attempts: int,
    first: int = 1,
    deadline: float,
    before_retry: Callable[[int, AttemptFailed, float], None],
) -> T:
    """Call `attempt(first)`, `attempt(first + 1)` … until one succeeds; raises the last AttemptFailed.

    Full jitter, capped; a Retry-After of the provider wins over it. `deadline` (monotonic seconds) is looked at
    before a wait: a wait that would end behind it, or is longer than the cap, is not taken. `before_retry` is told
    the attempt that failed, why, and the seconds to wait, and does the waiting.
    """
    count = first - 1
    wait = 0.0

    def one() -> T:
        nonlocal count
        count += 1
        return attempt(count)

    def hopeless(error: Exception) -> bool:
        # backoff asks for the wait only after this: it is chosen here, so that the one judged is the one taken.
        nonlocal wait
        if not isinstance(error, AttemptFailed) or not error.retryable:
            return True
        wait = _wait(error, count - first)
        return wait > CAP_SECONDS or time.monotonic() + wait >= deadline

    retrying = backoff.on_exception(
        backoff.constant,
        AttemptFailed,
        interval=0,
        max_tries=attempts,
        giveup=hopeless,
        jitter=None,  # _wait has it already: a Retry-After must not be shortened by chance
        logger=None,
        on_backoff=lambda details: before_retry(count, details["exception"], wait),
    )
    return retrying(one)()


def _wait(error: AttemptFailed, exponent: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return random.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2**exponent))  # noqa: S311
