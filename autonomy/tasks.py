"""Celery tasks: thin. A message carries no order, it only says that there may be work."""

from __future__ import annotations

import time
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_process_shutdown, worker_shutting_down
from django.conf import settings

from autonomy.runtime import draining, queue, recovery, retention, step
from autonomy.telemetry import tracing


@shared_task(bind=True)
def execute_next(self: Task) -> None:
    """Claim the best due job and execute it, then the next, for one turn at most.

    What was lost is looked for in between: while every worker is busy here, beat's own message finds none.
    """
    tracing.taken(self.request.headers)
    until = time.monotonic() + settings.ENV.autonomy_slice_seconds
    while draining.seconds() is None:
        recovery.recover_now_and_then()
        if (claim := queue.claim()) is None:
            return
        step.execute(claim)
        if time.monotonic() >= until:
            queue.hint()  # there may be more
            return


@shared_task
def recover() -> None:
    """Give lost work back to the queue, and hint at what is due. Any number of beats may send this."""
    recovery.recover()


@shared_task
def prune() -> None:
    """Drop what ended runs need no longer. Any number of beats may send this."""
    retention.prune()


@worker_shutting_down.connect
def drain(**_: Any) -> None:
    draining.begin()


@worker_process_shutdown.connect
def tell_the_rest(**_: Any) -> None:
    """A worker's processes end without Python's own farewell."""
    tracing.close()
