"""How a run ends. The caller has locked the run's row, and saves it."""

from __future__ import annotations

from django.db.models.functions import Now
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.models import Job, Run
from autonomy.runtime.context import handoff_class


def end(run: Run, status: str, outcome: str, reason: str) -> None:
    run.status, run.outcome, run.reason, run.ended_at = status, outcome, reason, timezone.now()


def cancel(run: Run) -> None:
    """Its jobs in the queue go, the cycle that is open is withdrawn; the draft so far is kept."""
    Job.objects.filter(run=run, state=Job.State.QUEUED).update(state=Job.State.CANCELLED, finished_at=Now())
    handoff_class().withdraw(run.pk)
    message = "The run is cancelled, as was asked."
    append(run, [NewEpisode(Kind.RUN_CANCELLED, message, node=run.route)])
    end(run, Run.Status.CANCELLED, Run.Outcome.CANCELLED, message)
