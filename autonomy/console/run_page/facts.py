"""What a run is: whose, since when, where it comes from."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.formats import localize

from autonomy.console import figures
from autonomy.console.fork import forks, origin
from autonomy.journeys.registry import journeys
from autonomy.models import Run
from autonomy.selectors.runs import scheduled_at


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    journey = journeys().get(run.journey)
    to_come = scheduled_at(run)
    told = [
        ("Owner", run.user.get_username()),
        ("Journey", journey.title if journey else run.journey),
        ("Revision", f"{run.revision} of {run.max_revisions}"),
        ("Target similarity", figures.similarity(run.target_similarity)),
        ("Priority", run.priority),
        ("Created", _moment(run.created_at)),
        ("Scheduled for", figures.to_come(to_come) if to_come else ""),
        ("Started", _moment(run.started_at)),
        ("Cancelling asked for", _moment(run.cancel_requested_at)),
        ("Ended", _moment(run.ended_at)),
    ]
    return {
        "facts": [(name, value) for name, value in told if value not in ("", None)],
        "origin": origin(run, linked=request.user.has_perm("autonomy.view_checkpoint")),
        "forks": forks(run),
    }


def _moment(at: Any) -> str:
    return f"{localize(at)} UTC" if at else ""
