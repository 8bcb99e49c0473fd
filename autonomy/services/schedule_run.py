"""When a run gets its turn: not before a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.errors import InvalidInput
from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.services.locked_run import how_it_ended, locked_run, refused

LATEST = timedelta(days=366)


def schedule_run(*, run_id: UUID, actor: User, at: datetime) -> Run:
    """Move the run's queued job to `at`; a time that has passed means now.

    Raises InvalidInput for a time without its offset or more than a year ahead, NotFound, and Conflict for a run that
    has no job in the queue.
    """
    later = due(at, "at")
    with transaction.atomic():
        run = locked_run(run_id)
        if message := why_not(run):
            raise refused(run, message)
        waiting = Job.objects.filter(run=run, state=Job.State.QUEUED)
        when = Greatest(Value(later), Now()) if later else Now()
        if not waiting.update(scheduled_at=when):
            raise refused(run, "The run has no job in the queue that could be scheduled.")
        told = f"for {later:%Y-%m-%d %H:%M:%S} UTC" if later else "for now"
        message = f"{actor.get_username()} scheduled the run {told}."
        data = {"scheduled_at": later.isoformat() if later else None}
        append(run, [NewEpisode(Kind.RUN_SCHEDULED, message, data, run.route, actor_id=actor.pk)])
        run.save(update_fields=["last_seq", "updated_at"])
        if not later:
            queue.hint_after_commit()
    return run


def due(at: datetime, field: str) -> datetime | None:
    """The time in UTC, or None if it has passed: now. Raises InvalidInput naming the field."""
    if timezone.is_naive(at):
        raise _unfit(field, "Give the time with its offset, as in 2027-01-31T08:00:00+01:00.")
    now = timezone.now()
    if at - now > LATEST:
        raise _unfit(field, "Choose a time within a year from now.")
    return at.astimezone(UTC) if at > now else None


def _unfit(field: str, hint: str) -> InvalidInput:
    return InvalidInput("The time does not fit; details say how to mend it.", fields={field: [hint]})


def why_not(run: Run) -> str:
    """Why the run cannot be scheduled, in a sentence; empty if it can, provided that it has a job in the queue."""
    if run.ended:
        return f"The run has ended ({how_it_ended(run)}); start or fork one to have it done later."
    if run.status == Run.Status.RUNNING:
        return "A worker is at this run; it can be scheduled while it waits in the queue."
    if run.status == Run.Status.WAITING_HUMAN:
        return "The run waits for its report and has no job to schedule."
    return ""
