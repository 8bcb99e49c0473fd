"""How a run's status is told: the one place with its words, its icon and its colour. Neither stands alone."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from autonomy.models import Run


@dataclass(frozen=True)
class Status:
    """`variant` is one of unfold's labels, `icon` one of the Material Symbols."""

    words: str
    icon: str
    variant: str


_STATUS = {
    Run.Status.QUEUED: Status("Queued", "schedule", "info"),
    Run.Status.RUNNING: Status("Running", "play_circle", "primary"),
    Run.Status.WAITING_HUMAN: Status("Waiting for a report", "pending_actions", "warning"),
    Run.Status.FAILED: Status("Failed", "error", "danger"),
    Run.Status.CANCELLED: Status("Cancelled", "cancel", "default"),
}
_DONE = {
    Run.Outcome.ACCEPTED: Status("Accepted", "check_circle", "success"),
    Run.Outcome.BUDGET_EXCEEDED: Status("Budget exceeded", "data_alert", "warning"),
    Run.Outcome.REVISIONS_EXHAUSTED: Status("Revisions exhausted", "restart_alt", "warning"),
}
_TO_BE_CANCELLED = Status("Being cancelled", "hourglass_bottom", "warning")


def status(run: Run) -> Status:
    if run.cancel_requested_at and not run.ended:
        return _TO_BE_CANCELLED
    if run.status == Run.Status.DONE:
        return _DONE[Run.Outcome(run.outcome)]
    return _STATUS[Run.Status(run.status)]


def badge(run: Run) -> SafeString:
    told = status(run)
    return format_html(
        '<span class="console-badge console-badge-{}"><span class="material-symbols-outlined" aria-hidden="true">{}'
        "</span>{}</span>",
        told.variant,
        told.icon,
        told.words,
    )
