"""The one place that retries, and the one file that imports backoff."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
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
    on_retry: Callable[[int, AttemptFailed, float], None],
) -> T:
    """Call `attempt(first)`, `attempt(first + 1)` … until one succeeds; raises the last AttemptFailed.

    Full jitter, capped; a Retry-After of the provider wins over it. `deadline` (monotonic seconds) is looked at
    before a wait: a wait that would end behind it, or is longer than the cap, is not taken.
    """
    count = first - 1

    def one() -> T:
        nonlocal count
        count += 1
        return attempt(count)

    def hopeless(error: Exception) -> bool:
        if not isinstance(error, AttemptFailed) or not error.retryable:
            return True
        wait = error.retry_after or 0.0
        return wait > CAP_SECONDS or time.monotonic() + wait >= deadline

    retrying = backoff.on_exception(
        _waits,  # type: ignore[arg-type]  # backoff sends the exception in; its types do not say so
        AttemptFailed,
        max_tries=attempts,
        giveup=hopeless,
        jitter=None,  # _waits has it already: a Retry-After must not be shortened by chance
        logger=None,
        on_backoff=lambda details: on_retry(count, details["exception"], details["wait"]),
    )
    return retrying(one)()


def _waits() -> Generator[float, AttemptFailed, None]:
    """Seconds to wait; backoff sends in the error that just happened."""
    error = yield 0.0
    exponent = 0
    while True:
        ceiling = min(CAP_SECONDS, BASE_SECONDS * 2**exponent)
        wait = error.retry_after if error.retry_after is not None else random.uniform(0, ceiling)  # noqa: S311
        exponent += 1
        error = yield wait
