"""What heals by itself: leases past their time go back to the queue, due jobs get a hint. Nothing is executed here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.runtime.commit import save
from autonomy.runtime.ending import end

log = structlog.get_logger(__name__)

BATCH = 100
MAX_HINTS = 50
RETRY_DELAY_CAP = 60.0


def recover() -> None:
    expired = Job.objects.filter(state=Job.State.RUNNING, lease_expires_at__lt=Now())
    for job in expired.order_by("lease_expires_at")[:BATCH]:
        give_back(job)
    queue.hint(min(MAX_HINTS, queue.due_count()))


def give_back(job: Job) -> bool:
    """Queue a job whose worker is gone, or fail its run when no attempt is left. False if somebody was quicker."""
    lost = Job.objects.filter(
        pk=job.pk, state=Job.State.RUNNING, lease_token=job.lease_token, lease_expires_at__lt=Now()
    )
    with transaction.atomic():
        run = lock(job.run_id)
        over = job.attempt >= job.max_attempts
        delay = 0.0 if job.attempt <= 1 else min(RETRY_DELAY_CAP, 2.0 ** (job.attempt - 2))
        message = f"The worker {job.worker} was lost in attempt {job.attempt} of {job.max_attempts} at {run.route}."
        freed: dict[str, Any] = {"lease_token": None, "lease_expires_at": None, "last_error": message}
        if over:
            freed |= {"state": Job.State.FAILED, "finished_at": timezone.now()}
        else:
            freed |= {"state": Job.State.QUEUED, "scheduled_at": Now() + timedelta(seconds=delay)}
        if not lost.update(**freed):
            return False
        data = {"worker": job.worker, "delay": delay}
        told = [NewEpisode(Kind.LEASE_EXPIRED, message, data, run.route, job.attempt)]
        run.status = Run.Status.QUEUED
        if over:
            end(run, Run.Status.FAILED, Run.Outcome.FAILED, f"{message} No attempt is left.")
            told.append(NewEpisode(Kind.RUN_FAILED, run.reason, {"code": "worker_lost"}, run.route, job.attempt))
        append(run, told)
        save(run)
    log.warning("lease_expired", run_id=str(job.run_id), job_id=job.pk, attempt=job.attempt)
    return True
