"""Cancelling a run: asked for here, honoured at the next boundary."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.models import Job, Run
from autonomy.runtime.ending import cancel
from autonomy.services.locked_run import how_it_ended, locked_run, refused


def cancel_run(*, run_id: UUID, actor: User, reason: str = "") -> Run:
    """Ask for the run to be cancelled. One that no worker holds is cancelled on the spot.

    Asking again changes nothing and is answered the same, also after the run was cancelled. Raises NotFound, and
    Conflict for a run that has ended in another way.
    """
    with transaction.atomic():
        run = locked_run(run_id)
        if run.status == Run.Status.CANCELLED:
            return run
        if message := why_not(run):
            raise refused(run, message)
        if run.cancel_requested_at is None:
            run.cancel_requested_at = timezone.now()
            run.save(update_fields=["cancel_requested_at", "updated_at"])
            message = f"{actor.get_username()} asked to cancel the run" + (f": {reason}" if reason else ".")
            append(run, [NewEpisode(Kind.CANCEL_REQUESTED, message, {"reason": reason}, run.route, actor_id=actor.pk)])
        if not Job.objects.filter(run=run, state=Job.State.RUNNING).exists():
            cancel(run)
        run.save_progress()
    return run


def why_not(run: Run) -> str:
    """Why the run cannot be cancelled, in a sentence; empty if it can."""
    return f"The run has ended already ({how_it_ended(run)}); nothing is left to cancel." if run.ended else ""
