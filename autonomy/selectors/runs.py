"""What people may read of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from langgraph.checkpoint.base import CheckpointTuple

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.errors import NotFound
from autonomy.graph import drafts
from autonomy.models import Job, Run
from autonomy.runtime.handoff import handoff_class


def visible_to(user: Any) -> QuerySet[Run]:
    """A user sees their own runs, staff see all."""
    return Run.objects.all() if user.is_staff else Run.objects.filter(user=user)


def run_visible_to(user: Any, run_id: UUID) -> Run:
    """Raises NotFound: whether somebody else's run exists is nobody's business."""
    run = visible_to(user).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run, or it is not yours to see.", run_id=str(run_id))
    return run


def snapshot(run: Run) -> dict[str, Any]:
    """The last checkpoint's state with the run's status, spend and cycle. JSON-able."""
    saved = _newest(run)
    state = saved.checkpoint["channel_values"] if saved else {}
    return {
        "run_id": str(run.pk),
        "user_id": run.user_id,
        "journey": run.journey,
        "title": run.title,
        "priority": run.priority,
        "status": run.status,
        "outcome": run.outcome or None,
        "reason": run.reason or None,
        "task": state.get("task"),
        "plan": state.get("plan"),
        "route": run.route,
        "budgets": {
            "limits": {
                "tokens": run.limit_tokens, "seconds": run.limit_seconds, "usd": float(run.limit_usd)
            },
            "spent": {
                "tokens": run.spent_tokens, "seconds": round(run.spent_seconds, 3), "usd": float(run.spent_usd)
            },
        },
        "last_observation": state.get("last_observation"),
        "last_verdict": state.get("last_verdict"),
        "revision": run.revision,
        "draft": _draft(state),
        "sources": [{"key": s["key"], "title": s["title"]} for s in state.get("sources") or []],
        "cycle": handoff_class().describe(run.pk),
        "checkpoint_id": saved.checkpoint["id"] if saved else None,
        "supersteps": run.supersteps,
        "last_seq": run.last_seq,
        "forked_from": (
            {"run_id": str(run.forked_from_id), "checkpoint_id": run.forked_from_checkpoint}
            if run.forked_from_id else None
        ),
        "created_at": run.created_at.isoformat(),
        "scheduled_at": _time(scheduled_at(run)),
        "started_at": _time(run.started_at),
        "cancel_requested_at": _time(run.cancel_requested_at),
        "ended_at": _time(run.ended_at),
    }  # fmt: skip


def _newest(run: Run) -> CheckpointTuple | None:
    return PostgresSaver().get_tuple({"configurable": {"thread_id": str(run.pk), "checkpoint_ns": ""}})


def _draft(state: dict[str, Any]) -> dict[str, Any] | None:
    draft = state.get("draft") or {}
    if not draft:
        return None
    return {
        **{name: draft[name] for name in ("words", "writers", "markdown")},
        "whole": bool(drafts.whole(draft)),
        "under_way": _under_way(state),
    }


def _under_way(state: dict[str, Any]) -> dict[str, int] | None:
    sections, _ = drafts.under_way(state["draft"])
    return {"written": len(sections), "planned": len(state["plan"]["sections"])} if sections else None


def scheduled_at(run: Run) -> datetime | None:
    """When the run's job in the queue is due, if that is still to come."""
    to_come = Job.objects.filter(run=run, state=Job.State.QUEUED, scheduled_at__gt=Now())
    return to_come.order_by("scheduled_at").values_list("scheduled_at", flat=True).first()


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
