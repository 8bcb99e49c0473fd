from __future__ import annotations

from autonomy.models import Run

VARIANTS = {
    "queued": "info",
    "running": "primary",
    "waiting_human": "warning",
    "done": "success",
    "failed": "danger",
    "cancelled": "default",
    "budget_exceeded": "warning",
    "revisions_exhausted": "warning",
}


def label(run: Run) -> tuple[str, str]:
    if run.status != Run.Status.DONE:
        return VARIANTS[run.status], run.get_status_display()
    key = run.outcome if run.outcome in VARIANTS else run.status
    return VARIANTS[key], f"{run.get_status_display()}: {run.get_outcome_display()}"
