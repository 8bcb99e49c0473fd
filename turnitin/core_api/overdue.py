"""What the operator is told of: reports that are late, and reports that will not come."""

from __future__ import annotations

import structlog
from django.conf import settings

from autonomy.episodes.kinds import Kind
from autonomy.models import Run
from autonomy.telemetry import metrics
from turnitin.core_api.patience import seconds_since
from turnitin.core_api.telling import tell
from turnitin.core_api.trouble import BY_HAND
from turnitin.models import Submission

log = structlog.get_logger(__name__)


def is_overdue(submission: Submission) -> bool:
    """Whether it takes longer than TURNITIN_OVERDUE_SECONDS, and nobody was told yet."""
    age = seconds_since(submission.opened_at)
    return submission.overdue_at is None and age >= settings.ENV.turnitin_overdue_seconds


def tell_overdue(run: Run, submission: Submission) -> None:
    """Once: the caller, who has locked the run, writes it into the submission in the same transaction."""
    told = {"cycle_id": str(submission.cycle_id), "state": submission.state}
    message = (
        f"Turnitin's report is overdue; its document is {submission.get_state_display().lower()}. Turnitin is asked "
        f"on. {BY_HAND}"
    )
    tell(run, Kind.REPORT_OVERDUE, message, told)
    log.warning("report_overdue", **told)
    metrics.turnitin_report_missing("overdue")


def log_failed(submission: Submission, why: str) -> None:
    log.warning("turnitin_failed", cycle_id=str(submission.cycle_id), why=why)
    metrics.turnitin_report_missing("failed")
