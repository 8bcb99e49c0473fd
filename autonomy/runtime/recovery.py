"""What heals by itself: leases past their time go back to the queue, due jobs get a hint. Nothing is executed here."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock_unless_held
from autonomy.models import Job, Run
from autonomy.providers import ledger
from autonomy.runtime import queue
from autonomy.runtime.ending import cancel, cancel_if_idle, end

log = structlog.get_logger(__name__)

BATCH = 100
RETRY_DELAY_CAP = 60.0
LONGEST_SETTLING = 60.0  # seconds that a worker may need beyond it to write the answer down


_last = 0.0


def recover_now_and_then() -> None:
    """`recover`, unless this process did it a moment ago."""
    global _last
    if time.monotonic() - _last >= settings.ENV.autonomy_recovery_seconds:
        _last = time.monotonic()
        recover()


def recover() -> None:
    """Any number of beats may call this at once: what another one holds is passed over."""
    expired = Job.objects.filter(state=Job.State.RUNNING, lease_expires_at__lt=Now())
    for job in expired.order_by("lease_expires_at")[:BATCH]:
        give_back(job)
    # A worker that was told to cancel at its boundary may be gone, or may have just passed it.
    for run_id in Run.objects.filter(cancel_requested_at__isnull=False, ended_at=None).values_list("pk", flat=True):
        cancel_if_idle(run_id)
    # An attempt has a time-out; what is under way for so long has lost its worker.
    ledger.settle_lost(older_than=settings.ENV.autonomy_provider_timeout + LONGEST_SETTLING)
    queue.hint(queue.due_count())


def _seconds_lost(job: Job, run: Run) -> float:
    """From its claim, or its last commit, to the last sign of life of its worker; somewhat less than it worked."""
    assert job.lease_expires_at
    last_sign = job.lease_expires_at - timedelta(seconds=settings.ENV.autonomy_lease_seconds)
    return max(0.0, (last_sign - run.updated_at).total_seconds())


def give_back(job: Job) -> bool:
    """Queue a job whose worker is gone, or fail its run when no attempt is left. False if somebody was quicker."""
    lost = Job.objects.filter(
        pk=job.pk, state=Job.State.RUNNING, lease_token=job.lease_token, lease_expires_at__lt=Now()
    )
    with transaction.atomic():
        # A stopped worker may hold the row until Postgres ends its session; the next round will find it free.
        run = lock_unless_held(job.run_id)
        if run is None:
            return False
        over = job.attempt >= job.max_attempts
        delay = 0.0 if job.attempt <= 1 else min(RETRY_DELAY_CAP, 2.0 ** (job.attempt - 2))
        message = f"The worker {job.worker} was lost in attempt {job.attempt} of {job.max_attempts} at {run.route}."
        freed: dict[str, Any] = {"lease_token": None, "lease_expires_at": None, "last_error": message}
        if over:
            freed |= {"state": Job.State.FAILED, "finished_at": Now()}
        else:
            freed |= {"state": Job.State.QUEUED, "scheduled_at": Now() + timedelta(seconds=delay)}
        if not lost.update(**freed):
            return False
        data = {"worker": job.worker, "delay": delay}
        told = [NewEpisode(Kind.LEASE_EXPIRED, message, data, run.route, job.attempt)]
        run.status = Run.Status.QUEUED
        run.spent_seconds += _seconds_lost(job, run)
        if over:
            end(run, Run.Status.FAILED, Run.Outcome.FAILED, f"{message} No attempt is left.")
            told.append(NewEpisode(Kind.RUN_FAILED, run.reason, {"code": "worker_lost"}, run.route, job.attempt))
        append(run, told)
        if run.cancel_requested_at and not over:
            cancel(run)
        run.save_progress()
    log.warning("lease_expired", run_id=str(job.run_id), job_id=job.pk, attempt=job.attempt)
    return True
