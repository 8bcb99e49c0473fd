"""Who may do what to a run. The one place that says so, for the API and for the console."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from autonomy.errors import NotPermitted
from autonomy.models import Run
from autonomy.selectors.runs import run_visible_to

Act = Literal["cancel_run", "retry_run", "raise_budget", "fork_run", "schedule_run"]


def may(user: Any, run: Run, act: Act) -> bool:
    """Owners may do everything to their own runs; staff need the permission for the runs of others."""
    return bool(run.user_id == user.pk or (user.is_staff and user.has_perm(f"autonomy.{act}")))


def may_somewhere(user: Any, act: Act) -> bool:
    """Whether there may be a run they may do this to: whether a list offers it at all."""
    return bool(user.is_staff and user.has_perm(f"autonomy.{act}")) or Run.objects.filter(user=user).exists()


def run_permitted_to(user: Any, run_id: UUID, act: Act) -> Run:
    """The run, for somebody who may do this to it. Raises NotFound if they may not even see it, else NotPermitted."""
    run = run_visible_to(user, run_id)
    if not may(user, run, act):
        raise NotPermitted(permission=f"autonomy.{act}")
    return run
