"""How urgent a run is."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.errors import InvalidInput
from autonomy.models import Job, Run
from autonomy.services.locked_run import how_it_ended, locked_run, refused


def prioritise_run(*, run_id: UUID, actor: User, priority: int) -> Run:
    """Set the priority of the run and of its jobs in the queue: 0 is most urgent, 9 least.

    Raises InvalidInput for another number, NotFound, and Conflict for a run that has ended.
    """
    if priority not in range(10):
        raise InvalidInput(
            "A priority is a number from 0 to 9.", fields={"priority": ["Give a number from 0 (most urgent) to 9."]}
        )
    with transaction.atomic():
        run = locked_run(run_id)
        if why := why_not(run):
            raise refused(run, why)
        message = f"{actor.get_username()} changed the priority from {run.priority} to {priority}."
        data = {"before": run.priority, "after": priority}
        append(run, [NewEpisode(Kind.PRIORITY_CHANGED, message, data, run.route, actor_id=actor.pk)])
        run.priority = priority
        Job.objects.filter(run=run, state=Job.State.QUEUED).update(priority=priority)
        run.save(update_fields=["priority", "last_seq", "updated_at"])
    return run


def why_not(run: Run) -> str:
    """Why the priority cannot be changed, in a sentence; empty if it can."""
    return f"The run has ended ({how_it_ended(run)}); its priority matters no more." if run.ended else ""
