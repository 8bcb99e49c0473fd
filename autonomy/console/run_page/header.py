"""What stands above every page of a run: how it is, what happens next, what can be done, and where to look."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from autonomy.console.outlook import outlook
from autonomy.console.status import badge
from autonomy.console.verb import offered
from autonomy.models import Run

# Address, title, and the permission to see it, if it takes another than to see the run.
TABS = (
    ("change", "Overview", ""),
    ("draft", "Draft", ""),
    ("checkpoints", "Checkpoints", "autonomy.view_checkpoint"),
    ("calls", "Calls and cost", "autonomy.view_providercall"),
    ("sources", "Sources", "autonomy.view_source"),
    ("log", "Log", "autonomy.view_episode"),
    ("task", "Task", ""),
)
# Pages that are reached from a tab's.
BELOW = {"diff": "checkpoints"}


def permission(page: str) -> str:
    return next(needed for name, _, needed in TABS if name == BELOW.get(page, page))


def read(request: HttpRequest, run: Run, page: str) -> dict[str, Any]:
    """`page` is the name of the address that is shown."""
    return {
        "badge": badge(run),
        "outlook": outlook(run),
        "verbs": offered(request.user, run),
        "tabs": [
            {
                "title": title,
                "address": reverse(f"admin:autonomy_run_{name}", args=[run.pk]),
                "current": name == BELOW.get(page, page),
            }
            for name, title, needed in TABS
            if not needed or request.user.has_perm(needed)
        ],
    }
