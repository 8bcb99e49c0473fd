"""Celery tasks: thin. A message carries no order, it only says that there may be work."""

from __future__ import annotations

from celery import shared_task

from autonomy.runtime import queue, recovery, retention, step


@shared_task
def execute_next() -> None:
    """Claim the best due job, if there is one, and execute it."""
    if claim := queue.claim():
        step.execute(claim)


@shared_task
def recover() -> None:
    """Give lost work back to the queue, and hint at what is due. Any number of beats may send this."""
    recovery.recover()


@shared_task
def prune() -> None:
    """Drop what ended runs need no longer. Any number of beats may send this."""
    retention.prune()
