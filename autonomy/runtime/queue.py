"""The job queue: the only place that enqueues and the only place that claims."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

import redis
import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import publish
from autonomy.models import Job, Run, statements
from autonomy.telemetry import tracing

log = structlog.get_logger(__name__)

# Workers that follow one hint work on until nothing is due: more than these would only be found empty.
ENOUGH_HINTS = 50
UNLIMITED = 2**31 - 1


@dataclass(frozen=True)
class Claim:
    """A worker's right to one job, proved by the token."""

    job_id: int
    run_id: UUID
    kind: str
    attempt: int
    max_attempts: int
    token: UUID


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def enqueue_start(
    run_id: UUID, user_id: int, journey: str, priority: int = 5, *, scheduled_at: datetime | None = None
) -> Job:
    """The run's first job, due now or at `scheduled_at`. Asked again for the same run it returns the job there is."""
    return _enqueue(run_id, Job.Kind.START, priority, scheduled_at, user_id, journey)


def enqueue_resume(run_id: UUID, priority: int = 4) -> Job:
    """A job that answers the run's interrupt. A run has one live resume job at most; that one is returned."""
    return _enqueue(run_id, Job.Kind.RESUME, priority)


def enqueue_continue(run_id: UUID, priority: int) -> Job:
    """A job for the rest of a run that goes on after its end."""
    return _enqueue(run_id, Job.Kind.CONTINUE, priority)


def _enqueue(
    run_id: UUID,
    kind: str,
    priority: int,
    at: datetime | None = None,
    user_id: int | None = None,
    journey: str | None = None,
) -> Job:
    asked = {
        "run": run_id,
        "user": user_id,
        "journey": journey,
        "kind": kind,
        "priority": priority,
        "at": at,
        "max_attempts": settings.ENV.autonomy_job_attempts,
    }
    # Nothing comes back when another one was being committed: it is seen by a second look.
    found = [*Job.objects.raw(statements.ENQUEUE, asked)] or [*Job.objects.raw(statements.ENQUEUE, asked)]
    if not found:
        raise Run.DoesNotExist(f"There is no such run: {run_id}, user {user_id}, journey {journey}.")
    job: Any = found[0]
    if job.is_new and at is None:
        hint_after_commit()
    return cast(Job, job)


def claim() -> Claim | None:
    """Take the best due job in one round trip, or None when there is none that may run now."""
    env = settings.ENV
    parameters: dict[str, Any] = {
        "lease": env.autonomy_lease_seconds,
        "worker": worker_name(),
        "per_user": env.autonomy_running_per_user,
        "at_all": env.autonomy_running_at_all or UNLIMITED,
    }
    claimed = statements.execute(statements.CLAIM, parameters, after=statements.LOCK_CLAIMS)
    if not claimed:
        return None
    *fields, started = claimed[0]
    claim = Claim(*fields)
    if started:
        publish(claim.run_id, Kind.RUN_STARTED, started)
    return claim


def due_count() -> int:
    """How many jobs are due, counted no further than hints are worth sending."""
    return Job.objects.filter(state=Job.State.QUEUED, scheduled_at__lte=Now())[:ENOUGH_HINTS].count()


def hint_after_commit() -> None:
    transaction.on_commit(hint)


def hint(times: int = 1) -> None:
    """Tell the workers that there is work. A lost hint is sent again by recovery."""
    try:
        # Asked first, with one short try: Celery's own client would hold a request for many seconds.
        waiting = _redis().llen(settings.CELERY_TASK_DEFAULT_QUEUE)
        for _ in range(min(times, ENOUGH_HINTS - waiting)):
            current_app.send_task("autonomy.tasks.execute_next", retry=False, headers=tracing.carried())
    except Exception as error:  # noqa: BLE001 - Redis away must not fail what is already committed
        log.warning("hint_lost", error=type(error).__name__)


@cache
def _redis() -> redis.Redis:
    return redis.Redis(**settings.REDIS_OPTIONS)
