"""The state machine of a cycle: `awaiting_report → report_ready → accepted | rejected`, by compare-and-set."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone

from autonomy.errors import Conflict
from autonomy.models import Job
from turnitin.models import Cycle, Report, Submission


def mark_ready(report: Report, job: Job | None) -> None:
    """A report with its figure is here, and `job` will resume the run with it; no job: the run stands failed."""
    _take(report, Cycle.State.AWAITING_REPORT, state=Cycle.State.REPORT_READY, resume_job=job)


def correct(report: Report) -> None:
    """Another report in place of one that the run has not consumed yet."""
    _take(report, Cycle.State.REPORT_READY)


def close(cycle_id: UUID | str, state: str) -> None:
    """The critic's judgement. A closed cycle never opens again."""
    _move(cycle_id, Cycle.State.REPORT_READY, state=state, closed_at=timezone.now())


def withdraw(run_id: UUID) -> None:
    """The run is cancelled: nobody will judge the report of its open cycle, if it has one."""
    Cycle.objects.filter(run_id=run_id, state__in=Cycle.OPEN, withdrawn_at=None).update(withdrawn_at=timezone.now())


def take_up(run_id: UUID) -> None:
    """The run goes on: Turnitin's submission may have been dropped or given up while it had ended, and is due again."""
    waits = Cycle.objects.filter(run_id=run_id, state=Cycle.State.AWAITING_REPORT, withdrawn_at=None)
    Submission.objects.filter(cycle__in=waits).update(due_at=Now())


def _take(report: Report, expected: str, **fields: Any) -> None:
    figure = report.observed_similarity
    _move(report.cycle_id, expected, report=report, observed_similarity=figure, report_at=timezone.now(), **fields)


def _move(cycle_id: UUID | str, expected: str, **fields: Any) -> None:
    if not Cycle.objects.filter(pk=cycle_id, state=expected, withdrawn_at=None).update(**fields):
        raise Conflict(f"The cycle is not {expected} any more, or is withdrawn.", cycle_id=str(cycle_id))


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
            for ending in ("md", "docx", "pdf")
        },
        "submission": _at_turnitin(cycle),
        "opened_at": cycle.opened_at.isoformat(),
        "closed_at": cycle.closed_at.isoformat() if cycle.closed_at else None,
        "withdrawn_at": cycle.withdrawn_at.isoformat() if cycle.withdrawn_at else None,
    }


def _at_turnitin(cycle: Cycle) -> dict[str, Any] | None:
    """How its document fares at Turnitin; None if people hand it in."""
    submission = Submission.objects.filter(cycle=cycle).first()
    if submission is None:
        return None
    return {
        "state": submission.state,
        "trouble": submission.trouble or None,
        "similarity": submission.similarity,
        "overdue_at": submission.overdue_at.isoformat() if submission.overdue_at else None,
    }
