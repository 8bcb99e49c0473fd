"""Retrying a failed run: the same run goes on from its last checkpoint."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.models import Run
from autonomy.runtime import reopening
from autonomy.services.locked_run import how_it_ended, locked_run, refused, stated


def retry_run(*, run_id: UUID, actor: User, reason: str = "") -> Run:
    """Queue the run again, with fresh attempts. Raises NotFound, and Conflict for a run that has not failed."""
    with transaction.atomic():
        run = locked_run(run_id)
        if message := why_not(run):
            raise refused(run, message)
        failed_with = run.reason
        reopening.reopen(run)
        message = f"{actor.get_username()} had the run tried again{stated(reason)}; it goes on at {run.route}."
        data = {"failed_with": failed_with, "route": run.route, "reason": reason}
        append(run, [NewEpisode(Kind.RUN_RETRIED, message, data, run.route, actor_id=actor.pk)])
        run.save(update_fields=[*reopening.FIELDS, "last_seq"])
    return run


def why_not(run: Run) -> str:
    """Why the run cannot be retried, in a sentence; empty if it can."""
    if run.status == Run.Status.FAILED:
        return ""
    if not run.ended:
        return f"The run has not failed, it is {run.status}; there is nothing to retry."
    if run.outcome == Run.Outcome.BUDGET_EXCEEDED:
        return "The run has used up a limit; raise its budget, and it goes on."
    return f"The run has ended ({how_it_ended(run)}) and did not fail; fork it to go on from a checkpoint."
