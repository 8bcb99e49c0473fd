"""The run a service acts on: locked first, and refused in words when its state does not allow the act."""

from __future__ import annotations

from uuid import UUID

from autonomy.episodes.record import lock
from autonomy.errors import Conflict, NotFound
from autonomy.models import Run


def locked_run(run_id: UUID) -> Run:
    """The run with its row locked, until the caller's transaction ends. Raises NotFound."""
    try:
        return lock(run_id)
    except Run.DoesNotExist:
        raise NotFound("There is no such run any more.", run_id=str(run_id)) from None


def refused(run: Run, message: str) -> Conflict:
    """The error to raise; its details tell the state the run is in."""
    return Conflict(message, run_id=str(run.pk), status=run.status, outcome=run.outcome or None)


def how_it_ended(run: Run) -> str:
    """The outcome, to stand within a sentence."""
    return run.get_outcome_display().lower()


def stated(reason: str) -> str:
    """Somebody's reason, to stand within the sentence that tells what they did; empty without one."""
    return f" (“{reason.strip()}”)" if reason.strip() else ""
