"""The state machine of a cycle: `awaiting_report → report_ready → accepted | rejected`, by compare-and-set."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from autonomy.errors import Conflict
from autonomy.models import Job
from turnitin.models import Cycle


def mark_ready(cycle: Cycle, similarity: float, job: Job | None) -> None:
    """A report with its figure is here, and `job` will resume the run with it; no job: the run stands failed."""
    _move(
        cycle.pk,
        Cycle.State.AWAITING_REPORT,
        state=Cycle.State.REPORT_READY,
        observed_similarity=similarity,
        report_at=timezone.now(),
        resume_job=job,
    )


def correct(cycle: Cycle, similarity: float) -> None:
    """Another figure for a report that the run has not consumed yet."""
    _move(cycle.pk, Cycle.State.REPORT_READY, observed_similarity=similarity, report_at=timezone.now())


def resume_by(cycle: Cycle, job: Job) -> None:
    """The run waits with a report that it could not use: `job` will resume it once more."""
    _move(cycle.pk, Cycle.State.REPORT_READY, resume_job=job)


def close(cycle_id: UUID | str, state: str) -> None:
    """The critic's judgement. A closed cycle never opens again."""
    _move(cycle_id, Cycle.State.REPORT_READY, state=state, closed_at=timezone.now())


def withdraw(run_id: UUID) -> None:
    """The run is cancelled: nobody will judge the report of its open cycle, if it has one."""
    Cycle.objects.filter(run_id=run_id, state__in=Cycle.OPEN, withdrawn_at=None).update(withdrawn_at=timezone.now())


def _move(cycle_id: UUID | str, expected: str, **fields: Any) -> None:
    if not Cycle.objects.filter(pk=cycle_id, state=expected).update(**fields):
        raise Conflict(f"The cycle is not {expected} any more.", cycle_id=str(cycle_id))


def describe(cycle: Cycle) -> dict[str, Any]:
    """A cycle as the API shows it."""
    return {
        "cycle_id": str(cycle.pk),
        "number": cycle.number,
        "state": cycle.state,
        "target_similarity": cycle.target_similarity,
        "observed_similarity": cycle.observed_similarity,
        "resume_job_id": cycle.resume_job_id,
        "documents": {
            ending: f"/api/v2/turnitin/{cycle.run_id}/cycles/{cycle.number}/document.{ending}"
            for ending in ("md", "docx")
        },
        "opened_at": cycle.opened_at.isoformat(),
        "closed_at": cycle.closed_at.isoformat() if cycle.closed_at else None,
        "withdrawn_at": cycle.withdrawn_at.isoformat() if cycle.withdrawn_at else None,
    }
