"""How a run ends."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock_unless_held
from autonomy.models import Job, Run
from autonomy.runtime.handoff import handoff_class
from autonomy.telemetry import tracing


def end(run: Run, status: str, outcome: str, reason: str) -> None:
    """The caller has locked the run's row, and saves it."""
    run.status, run.outcome, run.reason, run.ended_at = status, outcome, reason, timezone.now()
    transaction.on_commit(lambda: tracing.run_ended(run))


def cancel(run: Run) -> None:
    """Its jobs in the queue go, the cycle that is open is withdrawn; the draft so far is kept.

    The caller has locked the run's row, and saves it.
    """
    Job.objects.filter(run=run, state=Job.State.QUEUED).update(state=Job.State.CANCELLED, finished_at=Now())
    handoff_class().withdraw(run.pk)
    message = "The run is cancelled, as was asked."
    append(run, [NewEpisode(Kind.RUN_CANCELLED, message, node=run.route)])
    end(run, Run.Status.CANCELLED, Run.Outcome.CANCELLED, message)


def cancel_if_idle(run_id: UUID) -> bool:
    """End a run whose cancellation is asked for and which no worker holds; a worker does it at its next boundary."""
    with transaction.atomic():
        run = lock_unless_held(run_id)
        if (
            run is None
            or run.ended
            or not run.cancel_requested_at
            or Job.objects.filter(run=run, state=Job.State.RUNNING).exists()
        ):
            return False
        cancel(run)
        run.save_progress()
    return True
